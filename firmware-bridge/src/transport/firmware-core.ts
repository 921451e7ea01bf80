import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { OmpError, asOmpError } from "../../../sdk/src/errors.ts";
import type { WasmTransport } from "./wasm-transport.ts";

/** The part of the standard that this file uses; Node's types leave it to the DOM library. */
declare const WebAssembly: {
  instantiate(
    bytes: Uint8Array,
    imports: object,
  ): Promise<{ readonly instance: { readonly exports: Readonly<Record<string, unknown>> } }>;
};

/** What firmware/port/wasm exports. Buffers are addresses in `memory`; joint values are i32 counts in joint order. */
interface CoreExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly omp_init: (bootId: number) => void;
  readonly omp_joint_count: () => number;
  readonly omp_now: () => number;
  readonly omp_rx_buffer: () => number;
  readonly omp_rx_capacity: () => number;
  /** Takes the first `length` bytes of the rx buffer as received now. */
  readonly omp_receive: (length: number) => void;
  readonly omp_measured: () => number;
  readonly omp_command: () => number;
  /** One tick: reads `measured`, writes `command`. */
  readonly omp_tick: () => void;
  readonly omp_tx_buffer: () => number;
  /** Bytes waiting in the tx buffer; they are taken by this call. */
  readonly omp_transmit: () => number;
}

const functionNames = [
  "omp_init",
  "omp_joint_count",
  "omp_now",
  "omp_rx_buffer",
  "omp_rx_capacity",
  "omp_receive",
  "omp_measured",
  "omp_command",
  "omp_tick",
  "omp_tx_buffer",
  "omp_transmit",
] as const satisfies readonly (keyof CoreExports)[];

/** What the host wrote and the core has not taken; a UART's buffer with room for a whole trajectory. */
const maxReceivedBytes = 4096;

/** Absolute path of the core as it is built and shipped. */
export function firmwareCorePath(): string {
  const root = import.meta.resolve("omp-edge/package.json");
  return fileURLToPath(new URL("firmware-bridge/firmware/wasm/omp_core.wasm", root));
}

/**
 * The motor controller's C core, compiled to WebAssembly, in this process. Its time is the caller's: nothing happens between two
 * `tick` calls.
 *
 *     write ─► received ─► tick ─► data
 *                measured ─►│─► command
 */
export class FirmwareCore {
  readonly jointCount: number;
  readonly #exports: CoreExports;
  readonly #received = new Uint8Array(maxReceivedBytes);
  #receivedLength = 0;
  #transport: WasmTransport | undefined;

  private constructor(exports: CoreExports, bootId: number) {
    this.#exports = exports;
    exports.omp_init(bootId);
    this.jointCount = exports.omp_joint_count();
  }

  /**
   * @param bootId u32, another one for every simulated reset; random when left out
   * @throws {OmpError} TOOL_FAILED when the bytes are not the core
   */
  static async instantiate(
    bytes: Uint8Array,
    bootId: number = randomBootId(),
  ): Promise<FirmwareCore> {
    try {
      const { instance } = await WebAssembly.instantiate(bytes, {});
      return new FirmwareCore(asCoreExports(instance.exports), bootId);
    } catch (error) {
      throw asOmpError(error, "TOOL_FAILED", "the firmware core cannot be instantiated");
    }
  }

  /**
   * The core shipped with the package.
   *
   * @throws {OmpError} TOOL_FAILED when it was not built
   */
  static async load(bootId?: number): Promise<FirmwareCore> {
    const path = firmwareCorePath();
    const bytes = await readFile(path).catch((error: unknown) => {
      throw new OmpError("TOOL_FAILED", {
        what: "the firmware core cannot be read",
        observed: error instanceof Error ? error.message : String(error),
        next: "Build it: make -C firmware-bridge/firmware wasm",
        cause: error,
      });
    });
    return FirmwareCore.instantiate(bytes, bootId);
  }

  /** The controller's tick, u32. */
  get now(): number {
    return this.#exports.omp_now() >>> 0;
  }

  /** Counts the joints are driven to. A view that the next call may invalidate. */
  get command(): Readonly<Int32Array> {
    return this.#joints(this.#exports.omp_command());
  }

  get writableBytes(): number {
    return maxReceivedBytes - this.#receivedLength;
  }

  /**
   * Runs one tick.
   *
   * @param measured counts, one a joint; left out, the joints are where they were commanded to
   */
  tick(measured: ArrayLike<number> = this.command): void {
    this.#joints(this.#exports.omp_measured()).set(measured);
    this.#takeReceived();
    this.#exports.omp_tick();
    const length = this.#exports.omp_transmit();
    if (length === 0) return;
    const { memory, omp_tx_buffer } = this.#exports;
    // A copy: a listener may run the core again.
    this.#transport?.deliver(new Uint8Array(memory.buffer, omp_tx_buffer(), length).slice());
  }

  /** Cuts the line of the transport that is open. */
  unplug(): void {
    this.#transport?.end("the wasm core was unplugged");
  }

  /** @internal */
  connect(transport: WasmTransport): void {
    this.#transport?.end("another transport took the line");
    this.#transport = transport;
    this.#receivedLength = 0;
  }

  /** @internal */
  disconnect(transport: WasmTransport): void {
    if (this.#transport !== transport) return;
    this.#transport = undefined;
    this.#receivedLength = 0;
  }

  /** @internal */
  receive(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start > this.writableBytes) return false;
    for (let i = start; i < end; i++) this.#received[this.#receivedLength++] = bytes[i] ?? 0;
    return true;
  }

  /** @internal */
  discardReceived(): void {
    this.#receivedLength = 0;
  }

  #takeReceived(): void {
    const { memory, omp_rx_buffer, omp_rx_capacity, omp_receive } = this.#exports;
    const capacity = omp_rx_capacity();
    for (let start = 0; start < this.#receivedLength; start += capacity) {
      const end = Math.min(start + capacity, this.#receivedLength);
      new Uint8Array(memory.buffer, omp_rx_buffer(), capacity).set(
        this.#received.subarray(start, end),
      );
      omp_receive(end - start);
    }
    this.#receivedLength = 0;
  }

  #joints(address: number): Int32Array {
    return new Int32Array(this.#exports.memory.buffer, address, this.jointCount);
  }
}

function asCoreExports(exports: Readonly<Record<string, unknown>>): CoreExports {
  if (isCore(exports)) return exports;
  const missing = functionNames.filter((name) => typeof exports[name] !== "function");
  throw new OmpError("TOOL_FAILED", {
    what: "the WebAssembly module is not the firmware core",
    observed: `exports without ${missing.join(", ") || "memory"}`,
    next: "Build it anew: make -C firmware-bridge/firmware wasm",
  });
}

function isCore(exports: object): exports is CoreExports {
  return (
    "memory" in exports &&
    functionNames.every((name) => typeof Reflect.get(exports, name) === "function")
  );
}

function randomBootId(): number {
  return globalThis.crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}
