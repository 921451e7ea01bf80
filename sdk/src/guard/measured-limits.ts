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
  #kind: MeasuredLimit = LimitKind.Effort;
  #joint = 0;
  #value = 0;

  /** @param toleranceMs an excess that is over sooner is none: accelerating takes effort */
  constructor(joints: readonly Joint[], toleranceMs: number) {
    this.#joints = joints;
    this.#toleranceMs = toleranceMs;
    this.excesses = createCounts(joints.length, 0);
    this.#sinceMs = createCounts(joints.length, Number.POSITIVE_INFINITY);
  }

  /** The last excess found, in a sentence for a person. */
  get detail(): string {
    const { name = "", maxEffort, maxFollowingError } = this.#joints[this.#joint] ?? {};
    const isEffort = this.#kind === LimitKind.Effort;
    const limit = isEffort ? maxEffort : maxFollowingError;
    const what = isEffort ? "an effort" : "a distance from command to measured position";
    return `${name} has ${what} of ${Number(this.#value.toPrecision(4))}, at most ${limit} allowed`;
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
      const { maxEffort, maxFollowingError } = this.#joints[j] ?? {};
      const error = Math.abs(at(state.command, j) - at(state.position, j));
      const effort = Math.abs(at(state.effort, j));
      const { measuredAtMs } = state;
      const isClose = this.#keep(
        LimitKind.FollowingError,
        j,
        error,
        maxFollowingError,
        measuredAtMs,
      );
      const isLight = this.#keep(LimitKind.Effort, j, effort, maxEffort, measuredAtMs);
      isWithin &&= isClose && isLight;
    }
    return isWithin;
  }

  #keep(
    kind: MeasuredLimit,
    j: number,
    value: number,
    limit: number | undefined,
    nowMs: number,
  ): boolean {
    const since = this.#sinceMs[kind];
    // A value that is not a number compares false with everything and must count as an excess.
    if (limit === undefined || value <= limit) {
      since[j] = Number.POSITIVE_INFINITY;
      return true;
    }
    const sinceMs = at(since, j);
    if (sinceMs === Number.POSITIVE_INFINITY) since[j] = nowMs;
    if (nowMs - at(since, j) < this.#toleranceMs) return true;
    // Minus infinity: found, and counted once.
    if (sinceMs !== Number.NEGATIVE_INFINITY) {
      since[j] = Number.NEGATIVE_INFINITY;
      this.excesses[kind][j] = at(this.excesses[kind], j) + 1;
    }
    this.#kind = kind;
    this.#joint = j;
    this.#value = value;
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
