import type { ActuatorLink, TrajectoryVerdict } from "./actuator-link.ts";
import type { ActionGuard } from "./action-guard.ts";
import { ErrorCode, OmpError } from "./errors.ts";
import { fillMinimumJerk } from "./minimum-jerk.ts";
import { createTrajectory, type Joint, type JointState, type Trajectory } from "./types.ts";

/** Ids of pose moves; the lower half is the policy's. */
const FIRST_ID = 0x8000;
const LAST_ID = 0xffff;
const MAX_WAYPOINTS = 60;
/** Late verdicts after which a move gives up. */
const MAX_ATTEMPTS = 3;

let lastId = LAST_ID;

/** One smooth motion to a pose: waits for rest, sends one trajectory, ends when the arm rests again. */
export class PoseMove {
  readonly done: Promise<void>;
  readonly #joints: readonly Joint[];
  readonly #target: Float64Array;
  readonly #fraction: number;
  readonly #startDelayMs: number;
  readonly #trajectory: Trajectory;
  readonly #standstill: Float64Array;
  #stage: "waiting" | "sent" | "moving" = "waiting";
  #attempts = 0;
  #resolve: () => void = () => undefined;
  #reject: (error: OmpError) => void = () => undefined;

  /**
   * @param fraction of the joints' velocity and acceleration limits
   * @param startDelayMs from the moment of sending to the first ramp
   */
  constructor(
    joints: readonly Joint[],
    target: ArrayLike<number>,
    fraction: number,
    startDelayMs: number,
    maxWaypoints: number,
  ) {
    this.#joints = joints;
    this.#target = Float64Array.from(target);
    this.#fraction = fraction;
    this.#startDelayMs = startDelayMs;
    this.#trajectory = createTrajectory(Math.min(maxWaypoints, MAX_WAYPOINTS), joints.length);
    this.#standstill = new Float64Array(joints.length);
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever does not await a move that was cut short has not made a mistake.
    this.done.catch(() => undefined);
  }

  /** @returns true when the move has ended */
  tick(nowMs: number, link: ActuatorLink, guard: ActionGuard, state: JointState): boolean {
    if (!guard.measured.check(state)) {
      link.hold();
      return this.#end("a joint is past a measured limit", guard.measured.detail);
    }
    if (link.state !== "armed") return false;
    const trajectory = this.#trajectory;
    if (this.#stage === "moving") {
      if (nowMs <= trajectory.startAtMs + trajectory.count * trajectory.dtMs) return false;
      this.#resolve();
      return true;
    }
    if (this.#stage === "waiting") {
      const maxWaypoints = trajectory.positions.length / this.#joints.length;
      fillMinimumJerk(
        trajectory,
        this.#joints,
        state.command,
        this.#target,
        this.#fraction,
        maxWaypoints,
      );
      const planned = trajectory.count;
      const refusal = guard.enforce(trajectory, state.command, this.#standstill);
      if (refusal !== undefined || trajectory.count < planned) {
        const detail = refusal?.detail ?? "the way to the pose would leave the workspace";
        return this.#end("the guard refused the move to a pose", detail);
      }
      lastId = lastId === LAST_ID ? FIRST_ID : lastId + 1;
      trajectory.id = lastId;
      trajectory.startAtMs = nowMs + this.#startDelayMs + trajectory.dtMs;
      this.#stage = "sent";
      if (!link.send(trajectory)) this.#stage = "waiting";
    }
    return false;
  }

  /** @returns true when the verdict ended the move */
  decide(id: number, verdict: TrajectoryVerdict): boolean {
    if (this.#stage !== "sent" || id !== this.#trajectory.id) return false;
    this.#attempts += 1;
    this.#stage = verdict === "accepted" ? "moving" : "waiting";
    if (verdict === "accepted" || (verdict === "late" && this.#attempts < MAX_ATTEMPTS)) {
      return false;
    }
    return this.#end("the controller refused the move to a pose", verdict);
  }

  cancel(error: OmpError): void {
    this.#reject(error);
  }

  #end(what: string, observed: string): true {
    this.cancel(new OmpError(ErrorCode.LinkRefused, { what, observed }));
    return true;
  }
}

/** @throws {OmpError} INVALID_ARGUMENT */
export function requirePose(
  positions: ArrayLike<number>,
  fraction: number,
  jointCount: number,
): void {
  const isPose = positions.length === jointCount && Array.from(positions).every(Number.isFinite);
  if (isPose && fraction > 0 && fraction <= 1) return;
  throw new OmpError(ErrorCode.InvalidArgument, {
    what: "moveTo needs a pose and a fraction",
    observed: `[${Array.from(positions).join(", ")}], ${fraction}`,
    expected: `${jointCount} finite positions, a fraction above 0 to 1`,
  });
}
