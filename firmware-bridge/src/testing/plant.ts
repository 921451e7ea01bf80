import { FailActionCode } from "../protocol/constants.ts";
import { fromCounts, toCounts } from "../protocol/units.ts";
import type { PushWorld } from "../../../sdk/src/testing/push-world.ts";

/** What an observer of the world sees at one tick. SI units. */
export interface WorldSample {
  /** Host clock, ms. */
  readonly capturedAtMs: number;
  /** Object x, y, goal x, y; m. */
  readonly environment: readonly number[];
  readonly joints: readonly number[];
  readonly distanceToGoal: number;
  /** Since the last placement. */
  readonly hasSucceeded: boolean;
  /** Counts placements, so that a reader knows which episode it sees. */
  readonly placement: number;
}

/** Velocity over position gain of the scene's servos, s: what a target must lead the joint by to exert no force. */
const SERVO_LEAD_S = 6.5 / 300;

/** Servos and physics behind a controller's motor bus: commands in counts go in, measured positions in counts come out. */
export class Plant {
  readonly jointCount: number;
  readonly #world: PushWorld;
  readonly #command: Float64Array;
  readonly #joints: Float64Array;
  readonly #velocities: Float64Array;
  readonly #environment: Float64Array = new Float64Array(4);
  #placement = 0;

  /** The arm starts at its home pose. */
  constructor(world: PushWorld) {
    this.#world = world;
    this.jointCount = world.joints.length;
    this.#command = new Float64Array(this.jointCount);
    this.#joints = new Float64Array(this.jointCount);
    this.#velocities = new Float64Array(this.jointCount);
  }

  /** Draws object and goal of `seed`; the arm stays as it is. */
  place(seed: number): number {
    this.#world.placeObjectAndGoal(seed);
    this.#placement += 1;
    return this.#placement;
  }

  /**
   * One controller tick: 1 ms of physics.
   *
   * @param command counts the joints are driven to
   * @param drive one FailActionCode a joint: driven to its command, damped or released
   */
  tick(command: Readonly<Int32Array>, drive: Readonly<Uint8Array>): void {
    this.#world.readJoints(this.#joints);
    this.#world.readVelocities(this.#velocities);
    for (let j = 0; j < this.jointCount; j += 1) this.#command[j] = this.#target(j, command, drive);
    this.#world.tick(this.#command);
  }

  /** A servo aimed at where its joint is only damps; aimed ahead by its own damping it lets go. */
  #target(j: number, command: Readonly<Int32Array>, drive: Readonly<Uint8Array>): number {
    if (drive[j] === FailActionCode.Hold) return fromCounts(command[j] ?? 0);
    const lead = drive[j] === FailActionCode.Release ? SERVO_LEAD_S : 0;
    return (this.#joints[j] ?? 0) + lead * (this.#velocities[j] ?? 0);
  }

  /** Measured positions, counts. */
  measure(out: Int32Array): void {
    this.#world.readJoints(this.#joints);
    for (let j = 0; j < this.jointCount; j += 1) out[j] = toCounts(this.#joints[j] ?? 0);
  }

  sample(capturedAtMs: number): WorldSample {
    this.#world.readJoints(this.#joints);
    this.#world.readEnvironment(this.#environment);
    return {
      capturedAtMs,
      environment: [...this.#environment],
      joints: [...this.#joints],
      distanceToGoal: this.#world.distanceToGoal(),
      hasSucceeded: this.#world.isSuccess(),
      placement: this.#placement,
    };
  }

  dispose(): void {
    this.#world.dispose();
  }
}
