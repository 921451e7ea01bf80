/** One joint of the reference, in wire units. */
export interface ReferenceJoint {
  readonly minPosition: number;
  readonly maxPosition: number;
  readonly maxAcceleration: number;
}

interface Waypoint {
  readonly tick: number;
  readonly position: Int32Array;
}

/** Where the first segment of a chunk begins, and how many waypoints stay before it. */
export interface Junction {
  readonly tick: number;
  /** Counts. */
  readonly position: Readonly<Int32Array>;
  readonly kept: number;
}

interface Segment {
  readonly start: Waypoint;
  readonly end: Waypoint;
}

interface Brake {
  readonly startTick: number;
  readonly startPosition: Int32Array;
  /** Counts/s, one a joint. */
  readonly velocity: readonly number[];
  readonly ticks: number;
}

/**
 * What PROTOCOL.md §5 says a controller drives its joints to at every tick, computed from the chunks it admitted and the events that
 * made it brake. It decides nothing: admission, leases and faults are the controller's, and are told to it by their tick.
 *
 * Ticks are unwrapped. Events are given in order of their tick; an event at tick `now` comes after the command of `now` and shapes
 * those after it.
 */
export class TrajectoryReference {
  readonly #joints: readonly ReferenceJoint[];
  readonly #tickHz: number;
  readonly #command: Int32Array;
  #tick: number;
  #from: Waypoint;
  #ring: Waypoint[] = [];
  /** Being followed, instead of the ring. */
  #brake: Brake | undefined;
  /** What the command belongs to; undefined at rest. Stays until the next tick, whatever is committed before it. */
  #motion: Segment | Brake | undefined;

  /** At rest at `command` (counts) at `tick`. */
  constructor(
    joints: readonly ReferenceJoint[],
    tickHz: number,
    tick: number,
    command: ArrayLike<number>,
  ) {
    this.#joints = joints;
    this.#tickHz = tickHz;
    this.#tick = tick;
    this.#command = Int32Array.from(command);
    this.#from = { tick, position: this.#command.slice() };
  }

  get tick(): number {
    return this.#tick;
  }

  /** Counts, at `tick`. Overwritten by the next call. */
  get command(): Readonly<Int32Array> {
    return this.#command;
  }

  get isMoving(): boolean {
    return this.#motion !== undefined;
  }

  /** Waypoints that are still to come. */
  get waypointCount(): number {
    return this.#ring.length;
  }

  /** ENABLE in IDLE at `now`: the measured position becomes the command. */
  enable(now: number, measured: ArrayLike<number>): void {
    this.advanceTo(now);
    this.#command.set(measured);
  }

  /** A chunk committed at `now`: `rows` is row-major `[n, joints]`, the first due at `t0`. */
  commit(now: number, t0: number, dt: number, rows: Int32Array): void {
    this.advanceTo(now);
    const { tick, kept } = this.junction(t0, dt);
    this.#ring.length = kept;
    if (kept === 0) this.#from = { tick, position: this.#command.slice() };
    this.#brake = undefined;
    const jointCount = this.#joints.length;
    for (let row = 0; row * jointCount < rows.length; row++) {
      const position = rows.slice(row * jointCount, (row + 1) * jointCount);
      this.#ring.push({ tick: t0 + row * dt, position });
    }
  }

  /** The junction of a chunk that is committed at the current tick. */
  junction(t0: number, dt: number): Junction {
    const cutTick = t0 - Math.floor(dt / 2);
    const kept = this.#ring.filter((waypoint) => waypoint.tick < cutTick);
    const last = kept.at(-1);
    if (last !== undefined) return { ...last, kept: kept.length };
    const tick = this.isMoving ? this.#tick : Math.max(this.#tick, t0 - dt);
    return { tick, position: this.#command, kept: 0 };
  }

  /** HOLD, DISABLE, a new session or a fault at `now`. */
  brake(now: number): void {
    this.advanceTo(now);
    this.#ring = [];
    const motion = this.#motion;
    if (motion === undefined) return;
    // A chunk of this tick may have ended the braking.
    if ("ticks" in motion) this.#brake = motion;
    else this.#startBrake(motion);
  }

  /** Steps to `tick`. */
  advanceTo(tick: number): void {
    while (this.#tick < tick) this.#advance();
  }

  #advance(): void {
    this.#tick++;
    if (this.#brake !== undefined) {
      this.#driveBrake(this.#brake);
      return;
    }
    const start = this.#from;
    const end = this.#ring[0];
    this.#motion = undefined;
    if (end === undefined || this.#tick <= start.tick) return;
    this.#motion = { start, end };
    for (let joint = 0; joint < this.#command.length; joint++) {
      const position = start.position[joint] ?? 0;
      const delta = (end.position[joint] ?? 0) - position;
      const step = mulDiv(delta, this.#tick - start.tick, end.tick - start.tick);
      this.#command[joint] = position + step;
    }
    if (this.#tick < end.tick) return;
    this.#from = end;
    this.#ring.shift();
    if (this.#ring.length === 0) this.#startBrake(this.#motion);
  }

  /** Brakes from the current command with the velocity of the segment it belongs to. */
  #startBrake({ start, end }: Segment): void {
    const velocity = this.#joints.map((_, joint) => {
      const delta = (end.position[joint] ?? 0) - (start.position[joint] ?? 0);
      return mulDiv(delta, this.#tickHz, end.tick - start.tick);
    });
    const ticks = Math.max(
      ...this.#joints.map(({ maxAcceleration }, joint) => {
        const numerator = BigInt(Math.abs(velocity[joint] ?? 0)) * BigInt(this.#tickHz);
        const divisor = BigInt(maxAcceleration);
        return Number((numerator + divisor - 1n) / divisor);
      }),
    );
    const startPosition = this.#command.slice();
    this.#brake = ticks > 0 ? { startTick: this.#tick, startPosition, velocity, ticks } : undefined;
    this.#motion = this.#brake;
  }

  #driveBrake(brake: Brake): void {
    const k = this.#tick - brake.startTick;
    const factor = BigInt(k) * BigInt(2 * brake.ticks - k);
    const divisor = BigInt(2 * brake.ticks) * BigInt(this.#tickHz);
    this.#joints.forEach(({ minPosition, maxPosition }, joint) => {
      const step = Number((BigInt(brake.velocity[joint] ?? 0) * factor) / divisor);
      const start = brake.startPosition[joint] ?? 0;
      const low = Math.min(minPosition, start);
      const high = Math.max(maxPosition, start);
      this.#command[joint] = Math.min(high, Math.max(low, start + step));
    });
    if (k === brake.ticks) this.#brake = undefined;
    this.#motion = this.#brake;
  }
}

/** `trunc(a * b / c)` in integers of any size; BigInt division truncates toward zero as the protocol does. */
function mulDiv(a: number, b: number, c: number): number {
  return Number((BigInt(a) * BigInt(b)) / BigInt(c));
}
