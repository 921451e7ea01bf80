export type { SampleSink, SensorSource } from "./sensor.ts";
export type {
  ActuatorLink,
  LinkCounters,
  LinkDescription,
  LinkEvents,
  LinkState,
  TrajectoryVerdict,
} from "./actuator-link.ts";
export { createLinkCounters } from "./actuator-link.ts";
export type {
  BackendInfo,
  InferenceBackend,
  ModelSource,
  TensorBuffers,
  TensorInfo,
} from "./runtime/inference-backend.ts";
export type { BundleReader } from "./bundle/bundle-reader.ts";
export type {
  ActionChunk,
  Joint,
  JointKind,
  JointLimits,
  JointSpec,
  JointState,
  Observation,
  Trajectory,
} from "./types.ts";
export { createJointState, createTrajectory } from "./types.ts";
export type { Clock } from "./clock.ts";
export { sleepUntil } from "./clock.ts";
export type { ErrorReport } from "./errors.ts";
export { asOmpError, ErrorCode, isOmpError, OmpError } from "./errors.ts";
export type { Fault } from "./faults.ts";
export { FaultReason, LimitKind } from "./faults.ts";
export type { TelemetrySink } from "./telemetry.ts";
export { LatencyHistogram } from "./telemetry.ts";
export type { RandomStream } from "./random.ts";
export { createRandom } from "./random.ts";
