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

/** Servos and physics behind a controller's motor bus: commands in counts go in, measured positions in counts come out. */
export class Plant {
  readonly jointCount: number;
  readonly #world: PushWorld;
  readonly #command: Float64Array;
  readonly #joints: Float64Array;
  readonly #environment: Float64Array = new Float64Array(4);
  #placement = 0;

  /** The arm starts at its home pose. */
  constructor(world: PushWorld) {
    this.#world = world;
    this.jointCount = world.joints.length;
    this.#command = new Float64Array(this.jointCount);
    this.#joints = new Float64Array(this.jointCount);
  }

  /** Draws object and goal of `seed`; the arm stays as it is. */
  place(seed: number): number {
    this.#world.placeObjectAndGoal(seed);
    this.#placement += 1;
    return this.#placement;
  }

  /** One controller tick: drives the servos to `command` for 1 ms of physics. */
  tick(command: Readonly<Int32Array>): void {
    for (let j = 0; j < this.jointCount; j += 1) this.#command[j] = fromCounts(command[j] ?? 0);
    this.#world.tick(this.#command);
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
