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
  RobotMetrics,
  Stamp,
  StateBody,
  StatusBody,
} from "./messages.ts";
export { encodeBody, parseFleetMessage } from "./messages.ts";
export type { FleetTopicKind, RobotTopic } from "./topics.ts";
export { fleetTopicKinds, parseRobotTopic, robotTopic, watchFilters } from "./topics.ts";
