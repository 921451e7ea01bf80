export type {
  Command,
  CommandEnvelope,
  CommandKind,
  CommandRefusal,
  CommandRequest,
  CommandResult,
  LoadBundleArguments,
  SetRateArguments,
} from "./command.ts";
export {
  commandKinds,
  commandRefusals,
  commandText,
  encodeCommand,
  hasValidSignature,
  parseCommand,
  signCommand,
} from "./command.ts";
export type { BrokerCredentials } from "./broker-connection.ts";
export type { RobotTelemetryOptions, TelemetryCounters } from "./robot-telemetry.ts";
export { RobotTelemetry } from "./robot-telemetry.ts";
export type { FleetWatchOptions, WatchCounters } from "./fleet-watch.ts";
export { FleetWatch } from "./fleet-watch.ts";
export type { FleetTableOptions, RobotRecord, RobotStatus } from "./fleet-table.ts";
export { FleetTable } from "./fleet-table.ts";
export type {
  BirthBody,
  BirthId,
  BirthInfo,
  EventBody,
  EventFields,
  FleetMessage,
  HeartbeatBody,
  MalformedMessage,
  MetricsBody,
  ResultBody,
  RobotMetrics,
  Stamp,
  StateBody,
  StatusBody,
} from "./messages.ts";
export { encodeBody, parseFleetMessage } from "./messages.ts";
export type { FleetTopicKind, RobotTopic } from "./topics.ts";
export {
  commandTopic,
  fleetTopicKinds,
  parseRobotTopic,
  robotTopic,
  watchFilters,
} from "./topics.ts";
