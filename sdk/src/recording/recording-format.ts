import type { Manifest } from "../bundle/manifest.ts";
import type { LoopState } from "../loop-state.ts";

/** What a recording says of itself, once; MCAP metadata `omp-edge`. */
export interface RecordingHeader {
  readonly bundleId: string;
  readonly bundleVersion: string;
  /** Step of the policy, ms. */
  readonly dtMs: number;
  /** In the order of every vector of joints. */
  readonly joints: readonly string[];
  readonly observations: readonly RecordedObservation[];
  /** UTC less host clock when the recording began, ms. */
  readonly utcOffsetMs: number;
}

/** One observation key; its samples are row-major. */
export interface RecordedObservation {
  readonly key: string;
  readonly shape: readonly number[];
  /** Of the channels; may be empty. */
  readonly names: readonly string[];
  readonly unit: string;
}

/** A sample of one key, physical units. */
export interface ObservationMessage {
  readonly at_ms: number;
  readonly values: readonly number[];
}

/** SI, one element a joint. */
export interface JointStateMessage {
  readonly at_ms: number;
  readonly position: readonly number[];
  readonly command: readonly number[];
  readonly velocity: readonly number[];
  readonly effort: readonly number[];
}

/** Waypoints as the guard left them, and the chunk they are of. */
export interface TrajectoryMessage {
  readonly at_ms: number;
  readonly id: number;
  readonly start_at_ms: number;
  readonly dt_ms: number;
  readonly sequence: number;
  readonly observed_at_ms: number;
  readonly inference_ms: number;
  /** One row a waypoint. */
  readonly positions: readonly (readonly number[])[];
}

/** As Foxglove's `foxglove.Log`, with the loop's state and a fault's reason beside it. */
export interface LogMessage {
  readonly at_ms: number;
  readonly timestamp: { readonly sec: number; readonly nsec: number };
  readonly level: number;
  readonly name: string;
  readonly message: string;
  readonly file: "";
  readonly line: 0;
  readonly state: LoopState;
  readonly previous: LoopState;
  /** Empty for a change of state. */
  readonly reason: string;
}

export type RecordedMessage =
  | { readonly topic: "/log"; readonly message: LogMessage }
  | { readonly topic: "/joint_state"; readonly message: JointStateMessage }
  | { readonly topic: "/trajectory"; readonly message: TrajectoryMessage }
  | { readonly topic: `/observation.${string}`; readonly message: ObservationMessage };

/** Numbers of a trajectory before its positions. */
export const TRAJECTORY_FIELDS = 6;
/** `foxglove.Log`: levels of a change of state and of a fault. */
export const LogLevel = { Info: 2, Error: 4 } as const;

/** Topics in the order of the channels of a ring. */
export const Channel = { Log: 0, JointState: 1, Trajectory: 2, FirstObservation: 3 } as const;

/** @param utcOffsetMs UTC less host clock, ms */
export function recordingHeader(manifest: Manifest, utcOffsetMs: number): RecordingHeader {
  return {
    bundleId: manifest.bundleId,
    bundleVersion: manifest.bundleVersion,
    dtMs: manifest.policy.dtMs,
    joints: manifest.action.names,
    observations: manifest.observations.map(({ key, shape, names, unit }) => ({
      key,
      shape,
      names,
      unit,
    })),
    utcOffsetMs,
  };
}

/** MCAP time of an instant: UTC in ns, exact to 1 µs. */
export function logTime(header: RecordingHeader, atMs: number): bigint {
  return BigInt(Math.round((atMs + header.utcOffsetMs) * 1000)) * 1000n;
}

const vectorsOf: Readonly<Record<string, readonly string[]>> = {
  "/log": [],
  "/joint_state": ["position", "command", "velocity", "effort"],
  "/trajectory": ["positions"],
};

/** Whether a parsed message has its topic's time and vectors. */
export function isRecordedMessage(recorded: {
  readonly topic: string;
  readonly message: unknown;
}): recorded is RecordedMessage {
  const { topic, message } = recorded;
  if (typeof message !== "object" || message === null) return false;
  const vectors = topic.startsWith("/observation.") ? ["values"] : vectorsOf[topic];
  if (vectors === undefined || !("at_ms" in message) || !Number.isFinite(message.at_ms)) {
    return false;
  }
  const fields: Readonly<Record<string, unknown>> = { ...message };
  return vectors.every((name) => Array.isArray(fields[name]));
}

const number = { type: "number" } as const;
const numbers = { type: "array", items: number } as const;
const integer = { type: "integer" } as const;
const text = { type: "string" } as const;

function objectSchema(properties: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ type: "object", properties });
}

/** Name and JSON schema of a topic's messages. */
export function schemaOf(topic: string): { readonly name: string; readonly data: string } {
  if (topic === "/log") {
    const timestamp = { type: "object", properties: { sec: integer, nsec: integer } };
    const data = objectSchema({
      timestamp,
      level: integer,
      message: text,
      name: text,
      file: text,
      line: integer,
      at_ms: number,
      state: text,
      previous: text,
      reason: text,
    });
    return { name: "foxglove.Log", data };
  }
  if (topic === "/joint_state") {
    const data = objectSchema({
      at_ms: number,
      position: numbers,
      command: numbers,
      velocity: numbers,
      effort: numbers,
    });
    return { name: "omp_edge.JointState", data };
  }
  if (topic === "/trajectory") {
    const data = objectSchema({
      at_ms: number,
      id: integer,
      start_at_ms: number,
      dt_ms: number,
      sequence: integer,
      observed_at_ms: number,
      inference_ms: number,
      positions: { type: "array", items: numbers },
    });
    return { name: "omp_edge.Trajectory", data };
  }
  return { name: "omp_edge.Observation", data: objectSchema({ at_ms: number, values: numbers }) };
}
