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
export type { BoardReading } from "./board-reading.ts";
export { readBoard } from "./board-reading.ts";
export type { CommandRules, Verdict } from "./command-gate.ts";
export { CommandGate, maxCommandLifetimeMs } from "./command-gate.ts";
export type { CommandCounters, CommandHandlers } from "./command-receiver.ts";
export type { LoopCommandOptions } from "./loop-commands.ts";
export { loopCommands } from "./loop-commands.ts";
export type { DiskOutboxOptions } from "./store/disk-outbox.ts";
export type {
  RobotCommandOptions,
  RobotTelemetryOptions,
  TelemetryCounters,
} from "./robot-telemetry-options.ts";
export { RobotTelemetry } from "./robot-telemetry.ts";
export type { PrometheusEndpointOptions, PrometheusSample } from "./prometheus.ts";
export { PrometheusEndpoint, prometheusText } from "./prometheus.ts";
export type { FleetOperatorOptions, SendOptions } from "./fleet-operator.ts";
export { FleetOperator } from "./fleet-operator.ts";
export type { FleetWatchOptions, WatchCounters } from "./fleet-watch.ts";
export { FleetWatch } from "./fleet-watch.ts";
export type { FleetTableOptions, RobotRecord, RobotStatus } from "./fleet-table.ts";
export { FleetTable } from "./fleet-table.ts";
export type {
  BirthBody,
  BundleBody,
  BirthId,
  BirthInfo,
  EventBody,
  EventFields,
  FleetMessage,
  HeartbeatBody,
  HistoryBody,
  MalformedMessage,
  MetricsBody,
  ResultBody,
  RobotMetrics,
  RobotVitals,
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
export type { BundleReport, UpdatePhase } from "./rollout/bundle-report.ts";
export type { BundleStoreOptions, StoredBundle } from "./rollout/bundle-store.ts";
export { BundleStore } from "./rollout/bundle-store.ts";
export type { BundleUpdaterOptions } from "./rollout/bundle-updater.ts";
export { BundleUpdater } from "./rollout/bundle-updater.ts";
export type { HealthLimits } from "./rollout/health-gate.ts";
export type { ShadowLimits } from "./rollout/shadow-check.ts";
export type { FinishedUpdate, HighestVersion, Slots, UpdateOutcome } from "./rollout/slot-table.ts";
export { BundleServer } from "./rollout/bundle-server.ts";
export type {
  FleetRolloutOptions,
  RobotOutcome,
  RolloutProgress,
  RolloutResult,
} from "./rollout/fleet-rollout.ts";
export { FleetRollout } from "./rollout/fleet-rollout.ts";
