/** omp-edge/firmware: the reference controller's C core in this process, for trying a link without hardware. */
export { FirmwareCore } from "./transport/firmware-core.ts";
export { openWasmTransport } from "./transport/wasm-transport.ts";
