/** omp-edge/recording: what a loop saw and did, in MCAP files. Node. */
export type { BlackBoxOptions } from "./black-box.ts";
export { BlackBox } from "./black-box.ts";
export { EpisodeRecording } from "./episode-recording.ts";
export type { LoopRecorderOptions } from "./loop-recorder.ts";
export { LoopRecorder } from "./loop-recorder.ts";
export type { Recording } from "./mcap-file.ts";
export { openRecording } from "./mcap-file.ts";
export type {
  JointStateMessage,
  LogMessage,
  ObservationMessage,
  RecordedMessage,
  RecordedObservation,
  RecordingHeader,
  TrajectoryMessage,
} from "./recording-format.ts";
