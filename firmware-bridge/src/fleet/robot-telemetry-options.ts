import type { Clock } from "../../../sdk/src/clock.ts";
import { ErrorCode, OmpError } from "../../../sdk/src/errors.ts";
import type { BoardReading } from "./board-reading.ts";
import type { BrokerCredentials } from "./broker-connection.ts";
import type { CommandRules } from "./command-gate.ts";
import type { CommandHandlers } from "./command-receiver.ts";
import { type BirthInfo, encodeBody, maxPayloadBytes, parseFleetMessage } from "./messages.ts";
import type { DiskOutboxOptions } from "./store/disk-outbox.ts";
import { checkRobotId, robotTopic } from "./topics.ts";

/** Which commands a robot takes. */
export interface RobotCommandOptions {
  /** `loopCommands(loop)` for a control loop. */
  readonly handlers: Omit<CommandHandlers, "setRate">;
  /** Ed25519 public keys by issuer; when given, every command but a stop must be signed by one of them. */
  readonly issuerKeys?: CommandRules["issuerKeys"];
}

export interface RobotTelemetryOptions {
  /** "mqtt://127.0.0.1:1883" */
  readonly brokerUrl: string;
  readonly credentials?: BrokerCredentials;
  /** 1 to 64 of A-Z a-z 0-9 . _ -; unique in the fleet. */
  readonly robotId: string;
  readonly birth: BirthInfo;
  /** Default: the machine's monotonic clock. */
  readonly clock?: Clock;
  /** UTC, ms; default `Date.now`. */
  readonly utcNowMs?: () => number;
  /** Default 3000. */
  readonly connectTimeoutMs?: number;
  /** At most this many states a second, 1 to 50, default 10; the command `set_rate` changes it. */
  readonly stateHz?: number;
  /** 100 to 3_600_000, default 1000; the command `set_rate` changes it. */
  readonly metricsPeriodMs?: number;
  /** Left out: the robot takes no commands. */
  readonly commands?: RobotCommandOptions;
  /**
   * Keeps on disk what cannot be sent, also beyond the end of the process. With a store, a broker that cannot be reached at the start
   * is waited for. Left out: 64 events in memory, no history.
   */
  readonly store?: DiskOutboxOptions;
  /** Temperatures of the computer; default: what Linux says. */
  readonly board?: () => BoardReading;
}

/** What did not reach the broker. All start at 0. */
export interface TelemetryCounters {
  /** Heartbeats that were due while the broker was gone or had not acknowledged the one before. */
  heartbeatsDropped: number;
  /** State messages that were due likewise; a newer state went out instead. */
  statesDropped: number;
  /** Metrics that were due likewise. */
  metricsDropped: number;
  /** Events that fell out of the full queue, oldest first, or were too long. */
  eventsDropped: number;
}

/** @throws {OmpError} INVALID_ARGUMENT */
export function checkOptions(options: RobotTelemetryOptions): void {
  const { robotId, birth, stateHz, metricsPeriodMs } = options;
  checkRobotId(robotId);
  if (metricsPeriodMs !== undefined && !(metricsPeriodMs >= 100 && metricsPeriodMs <= 3_600_000)) {
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: "metricsPeriodMs is out of range",
      observed: String(metricsPeriodMs),
      expected: "100 to 3600000 ms",
    });
  }
  if (stateHz !== undefined && !(stateHz >= 1 && stateHz <= 50)) {
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: "stateHz is out of range",
      observed: String(stateHz),
      expected: "1 to 50 Hz",
    });
  }
  const stamp = { sessionId: "", birthSequence: 1, utcMs: 0, monotonicMs: 0 };
  const text = encodeBody("birth", { ...stamp, commandNonce: "0".repeat(32), ...birth });
  const parsed = parseFleetMessage(robotTopic(robotId, "birth"), Buffer.from(text));
  if (parsed.kind !== "malformed") return;
  throw new OmpError(ErrorCode.InvalidArgument, {
    what: "the birth information cannot be sent",
    observed: parsed.detail,
    expected: `FLEET.md, section 3, and at most ${maxPayloadBytes} bytes`,
  });
}
