/** Every way omp-edge refuses. The prefix says whose move it is: yours, the bundle's, the backend's, the link's or ours. */
export const ErrorCode = {
  /** An argument of a public function is out of its documented range. */
  InvalidArgument: "INVALID_ARGUMENT",
  /** A call in a state that does not allow it. */
  InvalidState: "INVALID_STATE",
  /** An observation has a missing key, a wrong shape or a value that is not finite. */
  InvalidObservation: "INVALID_OBSERVATION",
  /** A bundle's file cannot be read. */
  BundleUnreadable: "BUNDLE_UNREADABLE",
  /** The manifest breaks models/MANIFEST.md. */
  BundleInvalid: "BUNDLE_INVALID",
  /** A file's bytes are not the ones the manifest names. */
  BundleHashMismatch: "BUNDLE_HASH_MISMATCH",
  /** The model does not reproduce the bundle's golden outputs on this machine. */
  BundleGoldenMismatch: "BUNDLE_GOLDEN_MISMATCH",
  /** A bundle's signature is missing, wrong, or of a key that is not trusted. */
  BundleUntrusted: "BUNDLE_UNTRUSTED",
  /** A bundle is sound and may not run here: it is older than one that ran, of another robot, or failed its trial. */
  BundleRefused: "BUNDLE_REFUSED",
  /** A motor calibration is not usable, or is not the one of the servos that are there. */
  CalibrationInvalid: "CALIBRATION_INVALID",
  /** A URDF or MJCF file cannot be read, or is not a model of the robot that is there. */
  RobotModelInvalid: "ROBOT_MODEL_INVALID",
  /** The inference runtime or the model cannot be loaded. */
  BackendLoadFailed: "BACKEND_LOAD_FAILED",
  /** The execution provider asked for is not the one that would run. */
  BackendProviderUnavailable: "BACKEND_PROVIDER_UNAVAILABLE",
  /** An inference failed or its output is not usable. */
  BackendFailed: "BACKEND_FAILED",
  /** A sensor's command or device cannot be used. */
  SensorFailed: "SENSOR_FAILED",
  /** The port, socket or broker cannot be opened. */
  LinkOpenFailed: "LINK_OPEN_FAILED",
  /** The controller did not answer as PROTOCOL.md says. */
  LinkHandshakeFailed: "LINK_HANDSHAKE_FAILED",
  /** Host and controller disagree on protocol, joints or limits. */
  LinkMismatch: "LINK_MISMATCH",
  /** The controller refused a request. */
  LinkRefused: "LINK_REFUSED",
  /** The link is gone. */
  LinkClosed: "LINK_CLOSED",
  /** No answer in time. */
  LinkTimeout: "LINK_TIMEOUT",
  /** A recording cannot be written or read. */
  RecordingFailed: "RECORDING_FAILED",
  /** A file is no recording of omp-edge, or cannot become what was asked for. */
  RecordingInvalid: "RECORDING_INVALID",
  /** A host tool (Python, compiler) failed or is missing. */
  ToolFailed: "TOOL_FAILED",
  /** A bug of omp-edge. */
  Internal: "INTERNAL",
} as const;
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** What an error tells its reader, in this order. */
export interface ErrorReport {
  /** What was refused or failed. */
  readonly what: string;
  /** What was seen. */
  readonly observed?: string;
  /** What would have been right. */
  readonly expected?: string;
  /** What to do now. */
  readonly next?: string;
  readonly cause?: unknown;
}

/** The only error omp-edge throws. `code` is stable; the message is for people. */
export class OmpError extends Error {
  override readonly name = "OmpError";
  readonly code: ErrorCode;
  readonly report: ErrorReport;

  constructor(code: ErrorCode, report: ErrorReport) {
    const parts = [`${code}: ${report.what}.`];
    if (report.observed !== undefined) parts.push(`Observed: ${report.observed}.`);
    if (report.expected !== undefined) parts.push(`Expected: ${report.expected}.`);
    if (report.next !== undefined) parts.push(report.next);
    super(parts.join(" "), report.cause === undefined ? undefined : { cause: report.cause });
    this.code = code;
    this.report = report;
  }
}

/** True when `error` is an {@link OmpError}, of `code` if one is given. */
export function isOmpError(error: unknown, code?: ErrorCode): error is OmpError {
  return error instanceof OmpError && (code === undefined || error.code === code);
}

/** The error itself when it is ours, else an {@link OmpError} of `code` around it. */
export function asOmpError(error: unknown, code: ErrorCode, what: string): OmpError {
  if (error instanceof OmpError) return error;
  const observed = error instanceof Error ? error.message : String(error);
  return new OmpError(code, { what, observed, cause: error });
}
