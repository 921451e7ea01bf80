import { ErrorCode, OmpError } from "../../../sdk/src/errors.ts";
import { type Fault, FaultReason } from "../../../sdk/src/faults.ts";
import type { LoopState } from "../../../sdk/src/loop-state.ts";
import type { Joint } from "../../../sdk/src/types.ts";
import { commandKinds, commandRefusals, type CommandResult } from "./command.ts";
import { MessageFields } from "./message-fields.ts";
import { type BundleReport, parseBundleReport } from "./rollout/bundle-report.ts";
import { type FleetTopicKind, parseRobotTopic } from "./topics.ts";

/** Which connection of which process a message belongs to. */
export interface BirthId {
  /** Random, new for every process. */
  readonly sessionId: string;
  /** Counts the connections of a session from 1. */
  readonly birthSequence: number;
}

/** When something happened, on both clocks of the robot. */
export interface Stamp extends BirthId {
  /** UTC, ms since 1970; as right as the robot's clock is set. */
  readonly utcMs: number;
  /** The robot's monotonic clock, ms; only differences within a session mean something. */
  readonly monotonicMs: number;
}

/** What a robot is. */
export interface BirthInfo {
  /** "omp-edge 0.1.0" */
  readonly software: string;
  /** What kind of robot: "so101". */
  readonly model: string;
  /** `bundleId` of the bundle that drives it; empty when there is none. */
  readonly bundleId: string;
  /** SHA-256 of the bundle's manifest, lowercase hex; empty when not known. */
  readonly bundleHash: string;
  /** Execution provider that really runs: "cpu", "cuda". */
  readonly provider: string;
  /** `LinkDescription.name` */
  readonly link: string;
  readonly firmware: string;
  readonly tickHz: number;
  /** Of what the robot runs on, by name: node, onnxruntime, os, board; at most 32. */
  readonly versions: Readonly<Record<string, string>>;
  /** In the order of `jointPosition`; at most 64. */
  readonly joints: readonly Joint[];
}

/** What a robot measured since it started. Latencies are NaN when nothing was measured. */
export interface RobotMetrics {
  readonly episodes: number;
  readonly successes: number;
  readonly inferences: number;
  readonly inferenceP50Ms: number;
  readonly inferenceP99Ms: number;
  readonly tickLatenessP50Ms: number;
  readonly tickLatenessP99Ms: number;
  readonly framesSent: number;
  readonly framesAcked: number;
  readonly framesRejected: number;
  readonly faults: number;
}

/** What the telemetry itself and the computer say; joined to `RobotMetrics` when they are sent. */
export interface RobotVitals {
  /** Commands that were executed. */
  readonly commandsExecuted: number;
  readonly commandsRefused: number;
  /** Events, results and history that were given up for want of room. */
  readonly recordsDropped: number;
  /** Events, results and history that the broker has not acknowledged. */
  readonly recordsWaiting: number;
  readonly storedBytes: number;
  readonly reconnects: number;
  /** °C by thermal zone; empty when the computer shows none. */
  readonly boardTemperatureC: Readonly<Record<string, number>>;
  /** What slows the computer down now, as its kernel names it, joined by a comma; empty when nothing does. */
  readonly throttledBy: string;
}

export type EventFields = Readonly<Record<string, string | number | boolean>>;

export type BirthBody = Stamp &
  BirthInfo & {
    /** Every command names it; new on every connection, empty when the robot takes none. */
    readonly commandNonce: string;
  };

/** Carries no clock: the broker publishes the last will long after it was written. */
export interface StatusBody extends BirthId {
  readonly online: boolean;
  readonly reason: "online" | "goodbye" | "connection_lost";
}

export interface HeartbeatBody extends Stamp {
  /** Counts the heartbeats of one birth from 1. */
  readonly sequence: number;
  /** Time since the control loop last said it is alive; NaN when it never did. */
  readonly loopAgeMs: number;
  /** Messages of this session that were not sent because the broker was gone or slow. */
  readonly dropped: number;
}

/** The stamp is the instant of the state, not of the message. */
export interface StateBody extends Stamp {
  readonly loopState: LoopState;
  /** rad or m as the joint's kind says, resolution 1e-6; NaN where not measured. */
  readonly jointPosition: readonly number[];
  readonly fault: Fault | null;
}

export type MetricsBody = Stamp & RobotMetrics & RobotVitals;

/** A state or metrics that could not be told when it was new. */
export interface HistoryBody extends Stamp {
  /** Counts the history of a session from 1; the same number again is the same message again. */
  readonly sequence: number;
  readonly state: StateBody | null;
  readonly metrics: MetricsBody | null;
}

export interface EventBody extends Stamp {
  /** Counts the events of one session from 1; the same number again is the same event again. */
  readonly sequence: number;
  readonly name: string;
  readonly fields: EventFields;
}

/** Of a command. `sequence` counts the results of a session from 1; the same number again is the same result again. */
export interface ResultBody extends Stamp, CommandResult {
  readonly sequence: number;
}

/** Retained: which bundle the robot runs, and how its newest update goes. */
export type BundleBody = Stamp & BundleReport;

interface BodyByKind {
  readonly birth: BirthBody;
  readonly status: StatusBody;
  readonly heartbeat: HeartbeatBody;
  readonly state: StateBody;
  readonly metrics: MetricsBody;
  readonly event: EventBody;
  readonly result: ResultBody;
  readonly history: HistoryBody;
  readonly bundle: BundleBody;
}

/** A message as it was received. */
export type FleetMessage = {
  [Kind in FleetTopicKind]: {
    readonly kind: Kind;
    readonly robotId: string;
    readonly body: BodyByKind[Kind];
  };
}[FleetTopicKind];

/** A message that breaks FLEET.md. */
export interface MalformedMessage {
  readonly kind: "malformed";
  readonly topic: string;
  /** What is wrong, for people; may contain text of the sender. */
  readonly detail: string;
}

/** A longer payload is malformed. */
export const maxPayloadBytes: number = 32_768;
export const maxJoints: number = 64;
export const maxEventFields: number = 32;

const loopStates = ["idle", "arming", "running", "holding", "faulted"] as const;

/** The JSON text of a payload: keys in snake_case, NaN as null. */
export function encodeBody<Kind extends FleetTopicKind>(
  _kind: Kind,
  body: BodyByKind[Kind],
): string {
  return JSON.stringify(toWire(body));
}

/** Never throws. Ignores keys that FLEET.md does not name. */
export function parseFleetMessage(
  topic: string,
  payload: Uint8Array,
): FleetMessage | MalformedMessage {
  try {
    return parse(topic, payload);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { kind: "malformed", topic: topic.slice(0, 200), detail };
  }
}

function parse(topic: string, payload: Uint8Array): FleetMessage {
  const address = parseRobotTopic(topic);
  if (address === undefined) {
    throw new OmpError(ErrorCode.InvalidArgument, { what: "the topic is none of FLEET.md" });
  }
  if (payload.length > maxPayloadBytes) {
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: "the payload is too long",
      observed: `${payload.length} bytes`,
      expected: `at most ${maxPayloadBytes} bytes`,
    });
  }
  const text = new TextDecoder("utf-8", { fatal: true }).decode(payload);
  const fields = new MessageFields(JSON.parse(text), "payload");
  const { kind, robotId } = address;
  switch (kind) {
    case "birth":
      return { kind, robotId, body: parseBirth(fields) };
    case "status":
      return { kind, robotId, body: parseStatus(fields) };
    case "heartbeat":
      return { kind, robotId, body: parseHeartbeat(fields) };
    case "state":
      return { kind, robotId, body: parseState(fields) };
    case "metrics":
      return { kind, robotId, body: parseMetrics(fields) };
    case "result":
      return { kind, robotId, body: parseResult(fields) };
    case "history":
      return { kind, robotId, body: parseHistory(fields) };
    case "bundle":
      return { kind, robotId, body: { ...parseStamp(fields), ...parseBundleReport(fields) } };
    case "event":
      break;
  }
  return { kind, robotId, body: parseEvent(fields) };
}

function parseBirthId(fields: MessageFields): BirthId {
  return {
    sessionId: fields.string("session_id", 64),
    birthSequence: fields.count("birth_sequence", 1),
  };
}

function parseStamp(fields: MessageFields): Stamp {
  return {
    ...parseBirthId(fields),
    utcMs: fields.number("utc_ms"),
    monotonicMs: fields.number("monotonic_ms"),
  };
}

function parseBirth(fields: MessageFields): BirthBody {
  return {
    ...parseStamp(fields),
    commandNonce: fields.string("command_nonce", 64),
    software: fields.string("software", 200),
    model: fields.string("model", 200),
    bundleId: fields.string("bundle_id", 200),
    bundleHash: fields.string("bundle_hash", 64),
    provider: fields.string("provider", 64),
    link: fields.string("link", 200),
    firmware: fields.string("firmware", 200),
    tickHz: fields.number("tick_hz"),
    versions: fields.strings("versions", 32),
    joints: fields.objects("joints", maxJoints).map((joint) => ({
      name: joint.string("name", 64),
      kind: joint.literal("kind", ["revolute", "prismatic"]),
      minPosition: joint.number("min_position"),
      maxPosition: joint.number("max_position"),
      maxVelocity: joint.number("max_velocity"),
      maxAcceleration: joint.number("max_acceleration"),
    })),
  };
}

function parseStatus(fields: MessageFields): StatusBody {
  return {
    ...parseBirthId(fields),
    online: fields.boolean("online"),
    reason: fields.literal("reason", ["online", "goodbye", "connection_lost"]),
  };
}

function parseHeartbeat(fields: MessageFields): HeartbeatBody {
  return {
    ...parseStamp(fields),
    sequence: fields.count("sequence", 1),
    loopAgeMs: fields.spanMs("loop_age_ms"),
    dropped: fields.count("dropped"),
  };
}

function parseState(fields: MessageFields): StateBody {
  const fault = fields.objectOrNull("fault");
  return {
    ...parseStamp(fields),
    loopState: fields.literal("loop_state", loopStates),
    jointPosition: fields.numbers("joint_position", maxJoints),
    fault:
      fault === undefined
        ? null
        : {
            reason: fault.literal("reason", Object.values(FaultReason)),
            detail: fault.string("detail", 1000),
            atMs: fault.number("at_ms"),
          },
  };
}

function parseMetrics(fields: MessageFields): MetricsBody {
  return {
    ...parseStamp(fields),
    episodes: fields.count("episodes"),
    successes: fields.count("successes"),
    inferences: fields.count("inferences"),
    inferenceP50Ms: fields.spanMs("inference_p50_ms"),
    inferenceP99Ms: fields.spanMs("inference_p99_ms"),
    tickLatenessP50Ms: fields.spanMs("tick_lateness_p50_ms"),
    tickLatenessP99Ms: fields.spanMs("tick_lateness_p99_ms"),
    framesSent: fields.count("frames_sent"),
    framesAcked: fields.count("frames_acked"),
    framesRejected: fields.count("frames_rejected"),
    faults: fields.count("faults"),
    commandsExecuted: fields.count("commands_executed"),
    commandsRefused: fields.count("commands_refused"),
    recordsDropped: fields.count("records_dropped"),
    recordsWaiting: fields.count("records_waiting"),
    storedBytes: fields.count("stored_bytes"),
    reconnects: fields.count("reconnects"),
    boardTemperatureC: fields.namedNumbers("board_temperature_c", 32),
    throttledBy: fields.string("throttled_by", 1000),
  };
}

function parseEvent(fields: MessageFields): EventBody {
  return {
    ...parseStamp(fields),
    sequence: fields.count("sequence", 1),
    name: fields.string("name", 64),
    fields: fields.scalars("fields", maxEventFields),
  };
}

function parseHistory(fields: MessageFields): HistoryBody {
  const state = fields.objectOrNull("state");
  const metrics = fields.objectOrNull("metrics");
  return {
    ...parseStamp(fields),
    sequence: fields.count("sequence", 1),
    state: state === undefined ? null : parseState(state),
    metrics: metrics === undefined ? null : parseMetrics(metrics),
  };
}

function parseResult(fields: MessageFields): ResultBody {
  return {
    ...parseStamp(fields),
    sequence: fields.count("sequence", 1),
    commandId: fields.string("command_id", 64),
    issuer: fields.string("issuer", 64),
    command: fields.literal("command", commandKinds),
    outcome: fields.literal("outcome", ["running", "done", "failed", "refused"]),
    reason: fields.literal("reason", ["", ...commandRefusals]),
    detail: fields.string("detail", 1000),
  };
}

/** Objects whose keys are names of the sender's own. */
const namedObjects = new Set(["fields", "versions", "boardTemperatureC"]);

/** `tickLatenessP50Ms` becomes `tick_lateness_p50_ms`; names of the sender's own stay as they are. */
function toWire(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toWire);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [
      key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      namedObjects.has(key) ? one : toWire(one),
    ]),
  );
}
