import { LimitKind } from "../faults.ts";
import type { Joint, JointState } from "../types.ts";

/** Limits of what is measured: they can be passed although every command was allowed. */
export type MeasuredLimit = "effort" | "following_error";

const KINDS: readonly MeasuredLimit[] = [LimitKind.Effort, LimitKind.FollowingError];

/**
 * Watches effort and following error. In a position-controlled arm nobody commands an effort: too much of it, or a command that runs away
 * from the arm, says that something is in the way. A clamped command would go on pushing; the answer is to stop.
 */
export class MeasuredLimits {
  /** Times a limit was found passed, one element a joint. */
  readonly excesses: Readonly<Record<MeasuredLimit, Float64Array>>;
  readonly #joints: readonly Joint[];
  readonly #toleranceMs: number;
  /** When each began to be passed without a break, ms; infinity while it is kept. */
  readonly #sinceMs: Readonly<Record<MeasuredLimit, Float64Array>>;
  /** Infinity where there is none. */
  readonly #limits: Readonly<Record<MeasuredLimit, Float64Array>>;
  readonly #found: { kind: MeasuredLimit; joint: number; readonly value: Float64Array } = {
    kind: LimitKind.Effort,
    joint: 0,
    value: new Float64Array(1),
  };

  /** @param toleranceMs an excess that is over sooner is none: accelerating takes effort */
  constructor(joints: readonly Joint[], toleranceMs: number) {
    this.#joints = joints;
    this.#toleranceMs = toleranceMs;
    this.excesses = createCounts(joints.length, 0);
    this.#sinceMs = createCounts(joints.length, Number.POSITIVE_INFINITY);
    this.#limits = createCounts(joints.length, Number.POSITIVE_INFINITY);
    for (const [j, { maxEffort, maxFollowingError }] of joints.entries()) {
      this.#limits.effort[j] = maxEffort ?? Number.POSITIVE_INFINITY;
      this.#limits.following_error[j] = maxFollowingError ?? Number.POSITIVE_INFINITY;
    }
  }

  /** The last excess found, in a sentence for a person. */
  get detail(): string {
    const { kind, joint, value } = this.#found;
    const what =
      kind === LimitKind.Effort ? "an effort" : "a distance from measured position to command";
    const observed = Number(at(value, 0).toPrecision(4));
    const allowed = at(this.#limits[kind], joint);
    return `${this.#joints[joint]?.name ?? ""} has ${what} of ${observed}, at most ${allowed} allowed`;
  }

  /** Forgets since when limits are passed: the arm was at rest, or is armed anew. */
  reset(): void {
    for (const kind of KINDS) this.#sinceMs[kind].fill(Number.POSITIVE_INFINITY);
  }

  /**
   * Looks at a state that was just measured; states in the order of their times.
   *
   * @returns false while a limit has been passed for `toleranceMs` or longer; `detail` names the first joint
   */
  check(state: Readonly<JointState>): boolean {
    let isWithin = true;
    for (let j = this.#joints.length - 1; j >= 0; j -= 1) {
      // Both are looked at, so that each is counted.
      const isClose = this.#keep(LimitKind.FollowingError, j, state);
      const isLight = this.#keep(LimitKind.Effort, j, state);
      isWithin &&= isClose && isLight;
    }
    return isWithin;
  }

  #keep(kind: MeasuredLimit, j: number, state: Readonly<JointState>): boolean {
    const isEffort = kind === LimitKind.Effort;
    const measured = isEffort ? at(state.effort, j) : at(state.command, j) - at(state.position, j);
    const since = this.#sinceMs[kind];
    // A value that is not a number compares false with everything and must count as an excess.
    if (Math.abs(measured) <= at(this.#limits[kind], j)) {
      since[j] = Number.POSITIVE_INFINITY;
      return true;
    }
    const sinceMs = Math.min(at(since, j), state.measuredAtMs);
    since[j] = sinceMs;
    if (state.measuredAtMs - sinceMs < this.#toleranceMs) return true;
    // Minus infinity: found, and counted once.
    if (sinceMs !== Number.NEGATIVE_INFINITY) {
      since[j] = Number.NEGATIVE_INFINITY;
      this.excesses[kind][j] = at(this.excesses[kind], j) + 1;
    }
    this.#found.kind = kind;
    this.#found.joint = j;
    this.#found.value[0] = measured;
    return false;
  }
}

function createCounts(length: number, value: number): Record<MeasuredLimit, Float64Array> {
  return {
    [LimitKind.Effort]: new Float64Array(length).fill(value),
    [LimitKind.FollowingError]: new Float64Array(length).fill(value),
  };
}

function at(values: Readonly<Float64Array>, index: number): number {
  return values[index] ?? Number.NaN;
}
