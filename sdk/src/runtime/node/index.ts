export { MonotonicClock } from "./monotonic-clock.ts";
export { FileBundleReader } from "./file-bundle-reader.ts";
export type { OrtOptions } from "./ort-session.ts";
export { OrtSession } from "./ort-session.ts";
export { WorkerBackend } from "./worker-backend.ts";
export type { LoadPolicyOptions } from "./load-policy.ts";
export { loadPolicy } from "./load-policy.ts";
