export { MonotonicClock } from "./monotonic-clock.ts";
export { FileBundleReader } from "./file-bundle-reader.ts";
export type { OrtOptions } from "./ort-session.ts";
export { OrtSession } from "./ort-session.ts";
export { WorkerBackend } from "./worker-backend.ts";
export type { LoadPolicyOptions } from "./load-policy.ts";
export { loadPolicy } from "./load-policy.ts";
export type { FramePipeCounters, FramePipeState } from "./camera/frame-pipe.ts";
export { FramePipe } from "./camera/frame-pipe.ts";
export type {
  FramePipeNumbers,
  FramePipeOptions,
  FrameSource,
} from "./camera/frame-pipe-options.ts";
export { framePipeOptions } from "./camera/frame-pipe-options.ts";
export type { PipeCameraCounters, PipeCameraOptions } from "./camera/pipe-camera.ts";
export { PipeCamera } from "./camera/pipe-camera.ts";
export type { ControlThreadEvents, ControlThreadOptions } from "./control-thread.ts";
export { ControlThread } from "./control-thread.ts";
export type { ControlThreadParts, CreateLoopParts } from "./control-module.ts";
export type { LoopFigures } from "./loop-figures.ts";
export { ThreadPacer } from "./thread-pacer.ts";
export type { ThreadPriority } from "./thread-priority.ts";
export { raiseThreadPriority } from "./thread-priority.ts";
export type { KeyPair, TrustedKeys } from "./signed-bundle/bundle-key.ts";
export {
  createKeyPair,
  keyId,
  readPrivateKey,
  readPublicKey,
  trustKeys,
} from "./signed-bundle/bundle-key.ts";
export type { BundleSignature } from "./signed-bundle/bundle-signature.ts";
export { signManifest } from "./signed-bundle/bundle-signature.ts";
export type { BundleLimits } from "./signed-bundle/bundle-contents.ts";
export { defaultBundleLimits } from "./signed-bundle/bundle-contents.ts";
export type { BundleCheck, VerifiedBundle } from "./signed-bundle/bundle-file.ts";
export {
  unpackBundle,
  verifyBundleDirectory,
  verifyBundleFile,
} from "./signed-bundle/bundle-file.ts";
export { packBundle } from "./signed-bundle/pack-bundle.ts";
