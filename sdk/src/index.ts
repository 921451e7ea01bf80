export type { SampleSink, SensorSource } from "./sensor.ts";
export type {
  ActuatorLink,
  LinkCounters,
  LinkDescription,
  LinkEvents,
  LinkState,
  TrajectoryVerdict,
} from "./actuator-link.ts";
export { createLinkCounters, requireLeaseMs } from "./actuator-link.ts";
export type {
  BackendInfo,
  InferenceBackend,
  ModelSource,
  TensorBuffers,
  TensorInfo,
} from "./runtime/inference-backend.ts";
export type { ControlLoopParts, GuardOptions } from "./loop-parts.ts";
export { ControlLoop } from "./control-loop.ts";
export type { LoopStages } from "./loop-stages.ts";
export type { LoopCounters, LoopEvents, LoopState } from "./loop-state.ts";
export type { ControlLoopOptions, OptionSpec } from "./options.ts";
export { controlLoopOptions } from "./options.ts";
export { SharedSensor } from "./shared-sensor.ts";
export type { SharedSamples } from "./shared-samples.ts";
export { createSharedSamples, SampleReader, SampleWriter } from "./shared-samples.ts";
export type { SharedFrames } from "./shared-frames.ts";
export {
  createSharedFrames,
  FrameReader,
  FrameWriter,
  overwrittenFrames,
} from "./shared-frames.ts";
export { JointStateSensor } from "./joint-state-sensor.ts";
export type { AlignmentMethod, KeyAlignment } from "./internal/aligned-channel.ts";
export type {
  BufferCounters,
  ObservationAlignment,
  ObservationVerdict,
} from "./observation-buffer.ts";
export { ObservationBuffer } from "./observation-buffer.ts";
export type { ChunkRefusal } from "./action-guard.ts";
export { ActionGuard } from "./action-guard.ts";
export type { ClampCounts, MotionLimit } from "./guard/joint-limiter.ts";
export type { MeasuredLimit } from "./guard/measured-limits.ts";
export { MeasuredLimits } from "./guard/measured-limits.ts";
export type { WorkspaceBox } from "./guard/workspace.ts";
export { Workspace } from "./guard/workspace.ts";
export type { SchedulerCounters } from "./chunk-scheduler.ts";
export type { KinematicJoint } from "./kinematics/forward-kinematics.ts";
export { ForwardKinematics } from "./kinematics/forward-kinematics.ts";
export type { RobotModel } from "./kinematics/robot-model.ts";
export { parseRobotModel } from "./kinematics/parse-robot-model.ts";
export { ChunkScheduler } from "./chunk-scheduler.ts";
export type { Plan } from "./plan.ts";
export type {
  HandoverNumbers,
  HandoverOptions,
  HandoverStrategy,
} from "./handover/handover-options.ts";
export { handoverOptions } from "./handover/handover-options.ts";
export { fillMinimumJerk } from "./minimum-jerk.ts";
export type { ObservationInput, OmpPolicyParts } from "./policy.ts";
export { OmpPolicy } from "./policy.ts";
export { PolicySlot } from "./policy-slot.ts";
export type { NoiseMode, SamplingOptions } from "./sampling/sampling-options.ts";
export type { OpenPolicyOptions } from "./open-policy.ts";
export { openPolicy } from "./open-policy.ts";
export type { BundleReader } from "./bundle/bundle-reader.ts";
export type { PolicyBundle } from "./bundle/load-bundle.ts";
export { loadBundle } from "./bundle/load-bundle.ts";
export type {
  ActionSpec,
  ExtraInputSpec,
  FileSpec,
  Manifest,
  NoiseSpec,
  NormalizationSpec,
  ObservationSpec,
  PolicySpec,
  RangeStats,
  VariantSpec,
} from "./bundle/manifest.ts";
export { MANIFEST_VERSION, parseManifest } from "./bundle/manifest.ts";
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
export type { Pacer } from "./pacer.ts";
export { ClockPacer, TickInstants } from "./pacer.ts";
export type { ErrorReport } from "./errors.ts";
export { asOmpError, ErrorCode, isOmpError, OmpError } from "./errors.ts";
export type { Fault } from "./faults.ts";
export { FaultReason, LimitKind } from "./faults.ts";
export type { TelemetrySink } from "./telemetry.ts";
export { LatencyHistogram } from "./telemetry.ts";
export type { RandomStream } from "./random.ts";
export { createRandom } from "./random.ts";
export type {
  CameraPose,
  DepthCloudSpec,
  DepthImage,
  PinholeCamera,
} from "./perception/depth-cloud.ts";
export { DepthCloud, mujocoCamera } from "./perception/depth-cloud.ts";
export { FarthestPointSampler } from "./perception/farthest-points.ts";
export type { FrameConverter, FrameSpec } from "./perception/frame-converter.ts";
export { createFrameConverter } from "./perception/frame-converter.ts";
export type { ImageTensorSpec, PixelFormat } from "./perception/image-tensor.ts";
export { ImageTensor, pixelFormats } from "./perception/image-tensor.ts";
