import type { TrajectoryVerdict } from "../actuator-link.ts";
import type { Joint, JointState, Trajectory } from "../types.ts";

interface Waypoint {
  readonly tick: number;
  readonly position: Float64Array;
}

interface Braking {
  readonly fromTick: number;
  readonly ticks: number;
  readonly position: Float64Array;
  /** Per second. */
  readonly velocity: Float64Array;
}

/** Room for binary rounding in comparisons of velocities. */
const TOLERANCE = 1e-9;

/** The rules of PROTOCOL.md §5 and §6 in floating point, at 1000 ticks a second, with joints that follow at once. */
export class LoopbackController {
  /** What the joints report as measured effort, 0 at first: write here what a test needs. */
  readonly effort: Float64Array;
  readonly #joints: readonly Joint[];
  readonly #minLeadMs: number;
  readonly #maxWaypoints: number;
  readonly #command: Float64Array;
  readonly #velocity: Float64Array;
  #ring: Waypoint[] = [];
  #segmentStart: Waypoint;
  #braking: Braking | undefined;
  #isArmed = false;
  #isDisarming = false;
  #fault = "";
  #tick = Number.NaN;
  #leaseMs = 0;
  #leaseTick = 0;

  constructor(
    joints: readonly Joint[],
    position: ArrayLike<number>,
    minLeadMs: number,
    maxWaypoints: number,
  ) {
    this.effort = new Float64Array(joints.length);
    this.#joints = joints;
    this.#minLeadMs = minLeadMs;
    this.#maxWaypoints = maxWaypoints;
    this.#command = Float64Array.from(position);
    this.#velocity = new Float64Array(joints.length);
    this.#segmentStart = { tick: 0, position: this.#command.slice() };
  }

  get state(): "idle" | "armed" | "moving" | "faulted" {
    if (this.#fault !== "") return "faulted";
    if (this.#isMoving) return "moving";
    return this.#isArmed ? "armed" : "idle";
  }

  get faultDetail(): string {
    return this.#fault;
  }

  get #isMoving(): boolean {
    return this.#ring.length > 0 || this.#braking !== undefined;
  }

  /** Executes every tick up to `nowMs`. */
  advanceTo(nowMs: number): void {
    const now = Math.floor(nowMs);
    if (Number.isNaN(this.#tick)) this.#tick = now;
    while (this.#tick < now) {
      this.#tick += 1;
      this.#step();
    }
  }

  arm(leaseMs: number): boolean {
    if (this.#fault !== "" || (!this.#isArmed && this.#isMoving)) return false;
    this.#isArmed = true;
    this.#isDisarming = false;
    this.#leaseMs = leaseMs;
    this.renewLease();
    return true;
  }

  renewLease(): void {
    this.#leaseTick = this.#tick;
  }

  take({ startAtMs, dtMs, count, jointCount, positions }: Trajectory): TrajectoryVerdict {
    const first = Math.round(startAtMs);
    const dt = Math.round(dtMs);
    if (!this.#isArmed || this.#fault !== "" || this.#isDisarming) return "mode";
    if (first - this.#tick < this.#minLeadMs) return "late";
    if (dt < 1 || count < 1 || jointCount !== this.#joints.length) return "range";
    const kept = this.#ring.filter(({ tick }) => tick < first - Math.floor(dt / 2));
    if (kept.length + count > this.#maxWaypoints) return "full";
    const junction = kept.at(-1) ?? this.#junction(first - dt);
    const added = Array.from({ length: count }, (_, row) => ({
      tick: first + row * dt,
      position: positions.slice(row * jointCount, (row + 1) * jointCount),
    }));
    if (!this.#isWithinLimits([junction, ...added])) return "limit";
    if (kept.length === 0) this.#segmentStart = junction;
    this.#ring = [...kept, ...added];
    this.#braking = undefined;
    this.renewLease();
    return "accepted";
  }

  hold(): void {
    this.#brake();
  }

  disarm(): void {
    this.#brake();
    this.#isDisarming = this.#isMoving;
    this.#isArmed = false;
  }

  /** Latches a fault: brakes, holds, refuses. */
  latch(detail: string): void {
    this.#brake();
    this.#isArmed = false;
    if (this.#fault === "") this.#fault = detail;
  }

  clearFault(): void {
    this.#fault = "";
  }

  read(out: JointState): void {
    out.measuredAtMs = this.#tick;
    out.position.set(this.#command);
    out.command.set(this.#command);
    out.velocity.set(this.#velocity);
    out.effort.set(this.effort);
  }

  #junction(beforeFirst: number): Waypoint {
    const tick = this.#isMoving ? this.#tick : Math.max(this.#tick, beforeFirst);
    return { tick, position: this.#command.slice() };
  }

  #isWithinLimits(path: readonly Waypoint[]): boolean {
    return path.slice(1).every(({ tick, position }, i) => {
      const before = path[i];
      return this.#joints.every(({ minPosition, maxPosition, maxVelocity }, j) => {
        const to = position[j] ?? Number.NaN;
        const distance = Math.abs(to - (before?.position[j] ?? Number.NaN));
        const allowed = (maxVelocity * (tick - (before?.tick ?? tick))) / 1000;
        return to >= minPosition && to <= maxPosition && distance <= allowed + TOLERANCE;
      });
    });
  }

  #step(): void {
    if (this.#isArmed && this.#tick - this.#leaseTick > this.#leaseMs) {
      this.latch("lease ran out");
    }
    const next = this.#ring[0];
    if (this.#braking !== undefined) this.#stepBraking(this.#braking);
    else if (next !== undefined) this.#stepSegment(next);
  }

  #stepSegment({ tick, position }: Waypoint): void {
    const { tick: startTick, position: start } = this.#segmentStart;
    if (this.#tick <= startTick) return;
    const ratio = (this.#tick - startTick) / (tick - startTick);
    for (const [j, to] of position.entries()) {
      const from = start[j] ?? Number.NaN;
      this.#command[j] = this.#tick === tick ? to : from + (to - from) * ratio;
      this.#velocity[j] = ((to - from) * 1000) / (tick - startTick);
    }
    if (this.#tick < tick) return;
    this.#segmentStart = { tick, position };
    this.#ring.shift();
    if (this.#ring.length === 0) this.#brakeFrom(tick);
  }

  #brake(): void {
    if (this.#ring.length > 0) this.#brakeFrom(this.#tick);
  }

  #brakeFrom(tick: number): void {
    this.#ring = [];
    const ticks = this.#joints.map(({ maxAcceleration }, j) =>
      Math.ceil((Math.abs(this.#velocity[j] ?? 0) * 1000) / maxAcceleration),
    );
    this.#braking = {
      fromTick: tick,
      ticks: Math.max(...ticks),
      position: this.#command.slice(),
      velocity: this.#velocity.slice(),
    };
    if (this.#braking.ticks === 0) this.#rest();
  }

  #stepBraking({ fromTick, ticks, position, velocity }: Braking): void {
    const k = this.#tick - fromTick;
    for (const [j, { minPosition, maxPosition }] of this.#joints.entries()) {
      const speed = velocity[j] ?? 0;
      const distance = (speed * k * (2 * ticks - k)) / (2 * ticks * 1000);
      const command = (position[j] ?? Number.NaN) + distance;
      this.#command[j] = Math.min(Math.max(command, minPosition), maxPosition);
      this.#velocity[j] = speed * (1 - k / ticks);
    }
    if (k >= ticks) this.#rest();
  }

  #rest(): void {
    this.#braking = undefined;
    this.#isDisarming = false;
    this.#velocity.fill(0);
    this.#segmentStart = { tick: this.#tick, position: this.#command.slice() };
  }
}
