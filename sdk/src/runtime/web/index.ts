export type { FetchOptions } from "./fetch-bundle-reader.ts";
export { FetchBundleReader } from "./fetch-bundle-reader.ts";
export type { OrtWasmFiles, OrtWebOptions } from "./ort-web-session.ts";
export { OrtWebSession } from "./ort-web-session.ts";
export type { LoadPolicyOptions } from "./load-policy.ts";
export { loadPolicy } from "./load-policy.ts";
