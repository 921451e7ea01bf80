import { toCounts } from "../../firmware-bridge/src/protocol/units.ts";
import { TrajectoryReference } from "../../firmware-bridge/src/protocol/trajectory-reference.ts";
import type { Joint } from "../../sdk/src/types.ts";

/** Outcome of comparing the executed path with its reference, count by count. */
export interface PathAudit {
  /** Ticks compared, all joints of a tick together. */
  readonly samples: number;
  readonly mismatches: number;
  /** Ticks in which a joint moved. */
  readonly movingSamples: number;
  readonly chunks: number;
  /** For people; empty when all is equal. */
  readonly firstMismatch: string;
}

const EventKind = { Commit: 1, Enable: 2, Brake: 3 } as const;
const PATH_HEADER_BYTES = 8;
const EVENT_HEADER_BYTES = 20;

interface PathEvent {
  readonly kind: number;
  readonly tick: number;
  readonly t0: number;
  readonly dt: number;
  readonly rows: Int32Array;
}

/**
 * Interpolates what the firmware admitted (its admit log) with the reference of PROTOCOL.md §5 and compares the result with the command it
 * drove at every tick (its path log). Formats: firmware-bridge/firmware/README.md.
 */
export function auditPath(path: Buffer, admitted: Buffer, joints: readonly Joint[]): PathAudit {
  const events = readEvents(admitted, joints.length);
  const recordBytes = PATH_HEADER_BYTES + 4 * joints.length;
  const limits = joints.map(({ minPosition, maxPosition, maxAcceleration }) => ({
    minPosition: toCounts(minPosition),
    maxPosition: toCounts(maxPosition),
    maxAcceleration: toCounts(maxAcceleration),
  }));
  const audit = { samples: 0, mismatches: 0, movingSamples: 0, chunks: 0, firstMismatch: "" };
  let reference: TrajectoryReference | undefined;
  let nextEvent = 0;
  let last = "";
  for (let at = 0; at + recordBytes <= path.length; at += recordBytes) {
    const tick = path.readUInt32LE(at);
    const command = readInts(path, at + PATH_HEADER_BYTES, joints.length);
    for (;;) {
      const event = events[nextEvent];
      // An event at a tick comes after the command of that tick.
      if (event === undefined || event.tick >= tick) break;
      nextEvent += 1;
      if (event.kind === EventKind.Commit) audit.chunks += 1;
      reference = apply(event, reference, limits);
    }
    if (reference === undefined) continue;
    reference.advanceTo(tick);
    const executed = command.join(" ");
    audit.samples += 1;
    if (last !== "" && executed !== last) audit.movingSamples += 1;
    last = executed;
    const expected = reference.command.join(" ");
    if (executed === expected) continue;
    audit.mismatches += 1;
    audit.firstMismatch ||= `tick ${tick}: executed ${executed}, expected ${expected}`;
  }
  return audit;
}

function apply(
  event: PathEvent,
  reference: TrajectoryReference | undefined,
  limits: ConstructorParameters<typeof TrajectoryReference>[0],
): TrajectoryReference | undefined {
  // The path is known from the first ENABLE on.
  if (reference === undefined) {
    if (event.kind !== EventKind.Enable) return undefined;
    return new TrajectoryReference(limits, 1000, event.tick, event.rows);
  }
  if (event.kind === EventKind.Enable) reference.enable(event.tick, event.rows);
  else if (event.kind === EventKind.Brake) reference.brake(event.tick);
  else reference.commit(event.tick, event.t0, event.dt, event.rows);
  return reference;
}

function readEvents(log: Buffer, jointCount: number): PathEvent[] {
  const events: PathEvent[] = [];
  for (let at = 0; at + EVENT_HEADER_BYTES <= log.length;) {
    const count = log.readUInt32LE(at + 16);
    events.push({
      kind: log.readUInt32LE(at),
      tick: log.readUInt32LE(at + 4),
      t0: log.readUInt32LE(at + 8),
      dt: log.readUInt32LE(at + 12),
      rows: readInts(log, at + EVENT_HEADER_BYTES, count * jointCount),
    });
    at += EVENT_HEADER_BYTES + 4 * count * jointCount;
  }
  return events;
}

function readInts(log: Buffer, at: number, count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, index) => log.readInt32LE(at + 4 * index));
}
