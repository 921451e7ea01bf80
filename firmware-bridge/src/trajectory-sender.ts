import type { LinkCounters, TrajectoryVerdict } from "../../sdk/src/actuator-link.ts";
import type { Clock } from "../../sdk/src/clock.ts";
import type { Trajectory } from "../../sdk/src/types.ts";
import type { Controller } from "./handshake.ts";
import { AckCode, MessageType, maxParts, rowsPerPart } from "./protocol/constants.ts";
import type { Ack } from "./protocol/controller-messages.ts";
import {
  allJointsMask,
  trajBytes,
  writeTrajHeader,
  writeTrajPosition,
  type TrajHeader,
} from "./protocol/host-messages.ts";
import type { Session } from "./session.ts";
import { TickGrid } from "./tick-grid.ts";
import { dtTicksOf, fillCounts, type TrajectoryBounds } from "./trajectory-counts.ts";
import type { Transport } from "./transport/transport.ts";

export interface TrajectorySenderOptions {
  readonly session: Session;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly controller: Controller;
  readonly counters: LinkCounters;
  readonly ackTimeoutMs: number;
  readonly decided: (id: number, verdict: TrajectoryVerdict) => void;
}

/** Trajectories that may wait for their ACK; a controller this far behind gets nothing more. */
const maxOutstanding = 8;
/** Delimiters, COBS, type, seq and crc around a payload. */
const frameOverheadBytes = 9;
const none = -1;

/** Waypoints one trajectory to this controller may hold. */
export function maxWaypoints({ ident }: Controller): number {
  return Math.min(ident.ringDepth, maxParts * rowsPerPart(ident.jointCount));
}

/**
 * Turns trajectories into TRAJ parts on the controller's ticks and follows what the controller decided. Lives as long as its session.
 * Allocates nothing a trajectory.
 */
export class TrajectorySender {
  readonly #options: TrajectorySenderOptions;
  readonly #grid = new TickGrid();
  readonly #bounds: TrajectoryBounds;
  readonly #jointCount: number;
  readonly #rowsPerPart: number;
  readonly #header: TrajHeader;
  /** Counts of the trajectory being sent and of the one before, which holds the junction. */
  #counts: Int32Array;
  #sentCounts: Int32Array;
  #sentT0 = Number.NaN;
  #sentCount = 0;
  readonly #seqs = new Int16Array(maxOutstanding).fill(none);
  readonly #ids = new Uint16Array(maxOutstanding);
  readonly #sentAtMs = new Float64Array(maxOutstanding);
  #outstanding = 0;

  constructor(options: TrajectorySenderOptions) {
    const { ident } = options.controller;
    this.#options = options;
    this.#bounds = {
      jointCount: ident.jointCount,
      maxWaypoints: maxWaypoints(options.controller),
      tickMs: 1000 / ident.tickHz,
    };
    this.#jointCount = ident.jointCount;
    this.#rowsPerPart = rowsPerPart(ident.jointCount);
    this.#counts = new Int32Array(this.#bounds.maxWaypoints * ident.jointCount);
    this.#sentCounts = new Int32Array(this.#counts.length);
    this.#header = {
      chunkId: 0,
      partIndex: 0,
      partCount: 0,
      t0: 0,
      dt: 0,
      n: 0,
      jointMask: allJointsMask(ident.jointCount),
    };
  }

  /** Trajectories the controller has not decided yet. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /**
   * @returns false when nothing, or not all of it, was written; the controller then commits nothing
   * @throws {OmpError} INVALID_ARGUMENT when the trajectory cannot be put on the wire
   */
  send(trajectory: Readonly<Trajectory>, isAtRest: boolean): boolean {
    const dtTicks = dtTicksOf(trajectory, this.#bounds);
    fillCounts(trajectory, this.#counts);
    const { counters, session, transport, clock } = this.#options;
    const partCount = Math.ceil(trajectory.count / this.#rowsPerPart);
    const wireBytes =
      partCount * frameOverheadBytes +
      trajBytes(trajectory.count, this.#jointCount) +
      (partCount - 1) * trajBytes(0, 0);
    if (this.#outstanding === maxOutstanding || wireBytes > transport.writableBytes) {
      counters.framesDropped += partCount;
      return false;
    }
    const mappedTick = session.clockSync.tickAt(trajectory.startAtMs);
    const t0 = this.#grid.place(
      trajectory.startAtMs,
      trajectory.dtMs,
      dtTicks,
      mappedTick,
      isAtRest,
      this.#mayShorten,
    );
    this.#header.chunkId = trajectory.id;
    this.#header.partCount = partCount;
    this.#header.t0 = t0 >>> 0;
    this.#header.dt = dtTicks;
    const lastSeq = this.#postParts(trajectory.count);
    if (lastSeq < 0) return false;
    this.#remember(trajectory.id, lastSeq, clock.nowMs());
    const spare = this.#sentCounts;
    this.#sentCounts = this.#counts;
    this.#counts = spare;
    this.#sentT0 = t0;
    this.#sentCount = trajectory.count;
    return true;
  }

  /** The controller's answer to a TRAJ part. */
  takeAck(ack: Readonly<Ack>): void {
    const slot = this.#seqs.indexOf(ack.seq);
    if (slot >= 0 && this.#ids[slot] === ack.chunkId) this.#decide(slot, verdictOf(ack.code));
  }

  /** The chunk a STATE names was committed, even when its ACK was lost. */
  takeCommitted(chunkId: number): void {
    if (this.#outstanding === 0) return;
    for (let slot = 0; slot < maxOutstanding; slot++) {
      if (this.#seqs[slot] !== none && this.#ids[slot] === chunkId) this.#decide(slot, "accepted");
    }
  }

  /** What was neither answered nor committed in time did not arrive, which is as late as can be. */
  expire(): void {
    if (this.#outstanding === 0) return;
    const oldestMs = this.#options.clock.nowMs() - this.#options.ackTimeoutMs;
    for (let slot = 0; slot < maxOutstanding; slot++) {
      if (this.#seqs[slot] !== none && (this.#sentAtMs[slot] ?? 0) < oldestMs) {
        this.#decide(slot, "late");
      }
    }
  }

  #postParts(count: number): number {
    const { session } = this.#options;
    let seq = none;
    let row = 0;
    for (let part = 0; part < this.#header.partCount; part++) {
      const n = Math.min(this.#rowsPerPart, count - row);
      this.#header.partIndex = part;
      this.#header.n = n;
      writeTrajHeader(session.payload, this.#header);
      for (let i = 0; i < n * this.#jointCount; i++) {
        writeTrajPosition(session.payload, i, this.#counts[row * this.#jointCount + i] ?? 0);
      }
      seq = session.post(MessageType.Traj, trajBytes(n, this.#jointCount));
      if (seq < 0) return none;
      row += n;
    }
    return seq;
  }

  /** Whether the segment from the waypoint one dt before `gridTick` has room to lose a tick. */
  readonly #mayShorten = (gridTick: number): boolean => {
    const { dt } = this.#header;
    const junction = (gridTick - dt - this.#sentT0) / dt;
    if (!Number.isInteger(junction) || junction < 0 || junction >= this.#sentCount) return false;
    const { ident, joints } = this.#options.controller;
    return joints.every(({ maxVelocity }, joint) => {
      const from = this.#sentCounts[junction * this.#jointCount + joint] ?? 0;
      const step = Math.abs((this.#counts[joint] ?? 0) - from);
      return step * ident.tickHz <= maxVelocity * (dt - 1);
    });
  };

  #remember(id: number, seq: number, atMs: number): void {
    const slot = this.#seqs.indexOf(none);
    this.#seqs[slot] = seq;
    this.#ids[slot] = id;
    this.#sentAtMs[slot] = atMs;
    this.#outstanding++;
  }

  #decide(slot: number, verdict: TrajectoryVerdict): void {
    const id = this.#ids[slot] ?? 0;
    this.#seqs[slot] = none;
    this.#outstanding--;
    if (verdict === "accepted") this.#options.counters.trajectoriesAccepted++;
    else this.#options.counters.trajectoriesRejected++;
    this.#options.decided(id, verdict);
  }
}

function verdictOf(code: number): TrajectoryVerdict {
  switch (code) {
    case AckCode.Ok:
      return "accepted";
    case AckCode.Late:
      return "late";
    case AckCode.Limit:
      return "limit";
    case AckCode.Full:
      return "full";
    case AckCode.Mode:
      return "mode";
    default:
      return "range";
  }
}
