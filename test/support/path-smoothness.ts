const TICK_S = 1e-3;
/** Natural frequency of the servos of models/worlds/push, critically damped, rad/s. */
const SERVO_RAD_S = 90;

/** How smooth a path of commands at 1 kHz is: of the command itself, and of what a servo makes of it. */
export class PathSmoothness {
  /** Largest change of a joint's commanded velocity from one tick to the next, rad/s. */
  maxVelocityStep = 0;
  readonly #last: Float64Array;
  readonly #lastVelocity: Float64Array;
  readonly #position: Float64Array;
  readonly #velocity: Float64Array;
  readonly #acceleration: Float64Array;
  #squaredJerk = 0;
  #ticks = 0;

  /** @param command where the joints rest, rad */
  constructor(command: ArrayLike<number>) {
    const { length } = command;
    this.#last = Float64Array.from(command);
    this.#lastVelocity = new Float64Array(length);
    this.#position = Float64Array.from(command);
    this.#velocity = new Float64Array(length);
    this.#acceleration = new Float64Array(length);
  }

  /** The next tick's command, rad. */
  add(command: ArrayLike<number>): void {
    this.#ticks += 1;
    for (let j = 0; j < this.#last.length; j += 1) {
      const target = command[j] ?? Number.NaN;
      const commanded = (target - at(this.#last, j)) / TICK_S;
      const step = Math.abs(commanded - at(this.#lastVelocity, j));
      this.maxVelocityStep = Math.max(this.maxVelocityStep, step);
      this.#last[j] = target;
      this.#lastVelocity[j] = commanded;

      const error = target - at(this.#position, j);
      const acceleration = SERVO_RAD_S * (SERVO_RAD_S * error - 2 * at(this.#velocity, j));
      this.#squaredJerk += ((acceleration - at(this.#acceleration, j)) / TICK_S) ** 2;
      this.#acceleration[j] = acceleration;
      this.#velocity[j] = at(this.#velocity, j) + acceleration * TICK_S;
      this.#position[j] = at(this.#position, j) + at(this.#velocity, j) * TICK_S;
    }
  }

  /** Root mean square over ticks and joints of the jerk of a servo that follows the command, rad/s³. */
  get rmsJerk(): number {
    return Math.sqrt(this.#squaredJerk / (this.#ticks * this.#last.length));
  }
}

function at(values: Readonly<Float64Array>, index: number): number {
  return values[index] ?? Number.NaN;
}
