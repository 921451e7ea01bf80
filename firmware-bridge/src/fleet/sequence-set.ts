/** Numbers that came, kept as a few ranges, because they come almost in order. */
export class SequenceSet {
  /** Disjoint, not touching, rising. */
  readonly #ranges: { first: number; last: number }[] = [];

  /** @returns false when the number was there, or is older than what is remembered */
  add(number: number): boolean {
    const index = this.#ranges.findIndex(({ last }) => number <= last + 1);
    const found = index === -1 ? undefined : this.#ranges[index];
    if (found === undefined) this.#ranges.push({ first: number, last: number });
    else if (number >= found.first && number <= found.last) return false;
    else if (number === found.first - 1) found.first = number;
    else if (number === found.last + 1) {
      found.last = number;
      this.#join(index);
    } else this.#ranges.splice(index, 0, { first: number, last: number });
    this.#forget();
    return true;
  }

  /** Numbers that came. */
  get size(): number {
    return this.#ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  }

  #join(index: number): void {
    const [left, right] = this.#ranges.slice(index, index + 2);
    if (left === undefined || right === undefined || left.last + 1 !== right.first) return;
    left.last = right.last;
    this.#ranges.splice(index + 1, 1);
  }

  /** The oldest gap is closed: what is missing there counts as come. */
  #forget(): void {
    const [oldest, next] = this.#ranges;
    if (this.#ranges.length <= maxRanges || oldest === undefined || next === undefined) return;
    oldest.last = next.last;
    this.#ranges.splice(1, 1);
  }
}

const maxRanges = 1024;
