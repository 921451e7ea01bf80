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

/** What firmware/port/wasm/wasm.c exports. Buffers are addresses in `memory`; joint values are i32 counts in joint order. */
interface CoreExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly omp_wasm_init: (bootId: number) => void;
  readonly omp_wasm_joint_count: () => number;
  /** i32 from one row to the next in `observe`. */
  readonly omp_wasm_row_joints: () => number;
  readonly omp_wasm_now: () => number;
  readonly omp_wasm_set_now: (tick: number) => void;
  /** Of input and of output. */
  readonly omp_wasm_buffer_bytes: () => number;
  readonly omp_wasm_input: () => number;
  readonly omp_wasm_receive: (count: number, subUs: number) => void;
  readonly omp_wasm_measured: () => number;
  readonly omp_wasm_command: () => number;
  /** Address of one byte a joint: 0 driven to its command, 1 damped, 2 released. */
  readonly omp_wasm_drive: () => number;
  readonly omp_wasm_tick: (validMask: number) => void;
  readonly omp_wasm_output: () => number;
  /** Fills the output buffer; how many bytes. */
  readonly omp_wasm_transmit: () => number;
  /** A line was opened anew. */
  readonly omp_wasm_reopen: () => void;
}

const functionNames = [
  "omp_wasm_init",
  "omp_wasm_joint_count",
  "omp_wasm_row_joints",
  "omp_wasm_now",
  "omp_wasm_set_now",
  "omp_wasm_buffer_bytes",
  "omp_wasm_input",
  "omp_wasm_receive",
  "omp_wasm_measured",
  "omp_wasm_command",
  "omp_wasm_drive",
  "omp_wasm_tick",
  "omp_wasm_output",
  "omp_wasm_transmit",
  "omp_wasm_reopen",
] as const satisfies readonly (keyof CoreExports)[];

/** What shaped the path the core drives, by the tick at which it did. */
export interface PathEvent {
  readonly kind: "commit" | "enable" | "brake";
  /** u32. */
  readonly tick: number;
  /** u32; 0 unless a chunk was committed. */
  readonly t0: number;
  readonly dt: number;
  /** Counts, row-major: the chunk, the command taken at ENABLE, nothing for a brake. */
  readonly rows: Int32Array;
}

const eventKinds = [undefined, "commit", "enable", "brake"] as const;

export interface FirmwareCoreOptions {
  /** u32, another one for every simulated reset; random when left out. */
  readonly bootId?: number;
  /** u32 the core's tick starts from, default 0. */
  readonly startTick?: number;
}

type PathEventValues = [
  kind: number,
  tick: number,
  t0: number,
  dt: number,
  count: number,
  address: number,
];

const allJoints = 0xff;

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
 *              measured ─►  │  ─► command
 */
export class FirmwareCore {
  readonly jointCount: number;
  readonly #exports: CoreExports;
  #transport: WasmTransport | undefined;
  #pathListener: (event: PathEvent) => void = () => {};
  #receiveListener: (bytes: Uint8Array) => void = () => {};

  private constructor(exports: CoreExports, options: FirmwareCoreOptions) {
    this.#exports = exports;
    exports.omp_wasm_init(options.bootId ?? randomBootId());
    if (options.startTick !== undefined) exports.omp_wasm_set_now(options.startTick);
    this.jointCount = exports.omp_wasm_joint_count();
  }

  /** @throws {OmpError} TOOL_FAILED when the bytes are not the core */
  static async instantiate(
    bytes: Uint8Array,
    options: FirmwareCoreOptions = {},
  ): Promise<FirmwareCore> {
    const observer: { core?: FirmwareCore } = {};
    const observe = (...values: PathEventValues): void => {
      if (observer.core !== undefined) observer.core.#observe(...values);
    };
    try {
      const { instance } = await WebAssembly.instantiate(bytes, { env: { observe } });
      observer.core = new FirmwareCore(asCoreExports(instance.exports), options);
      return observer.core;
    } catch (error) {
      throw asOmpError(error, "TOOL_FAILED", "the firmware core cannot be instantiated");
    }
  }

  /**
   * The core shipped with the package.
   *
   * @throws {OmpError} TOOL_FAILED when it was not built
   */
  static async load(options?: FirmwareCoreOptions): Promise<FirmwareCore> {
    const bytes = await readFile(firmwareCorePath()).catch((error: unknown) => {
      throw new OmpError("TOOL_FAILED", {
        what: "the firmware core cannot be read",
        observed: error instanceof Error ? error.message : String(error),
        next: "Build it: make -C firmware-bridge/firmware wasm",
        cause: error,
      });
    });
    return FirmwareCore.instantiate(bytes, options);
  }

  /** The controller's tick, u32. */
  get now(): number {
    return this.#exports.omp_wasm_now() >>> 0;
  }

  /** Counts the joints are driven to. A view that the next call may invalidate. */
  get command(): Readonly<Int32Array> {
    return this.#joints(this.#exports.omp_wasm_command());
  }

  /** One FailActionCode a joint: driven to its command, damped or released. A view that the next call may invalidate. */
  get drive(): Readonly<Uint8Array> {
    const { memory, omp_wasm_drive } = this.#exports;
    return new Uint8Array(memory.buffer, omp_wasm_drive(), this.jointCount);
  }

  /**
   * Runs one tick.
   *
   * @param measured counts, one a joint; left out, the joints are where they were commanded to
   */
  tick(measured: ArrayLike<number> = this.command): void {
    this.#joints(this.#exports.omp_wasm_measured()).set(measured);
    this.#exports.omp_wasm_tick(allJoints);
    this.#transport?.drain(this.#receive);
    for (;;) {
      const length = this.#exports.omp_wasm_transmit();
      if (length === 0) return;
      const { memory, omp_wasm_output } = this.#exports;
      // A copy: a listener may run the core again.
      this.#transport?.deliver(new Uint8Array(memory.buffer, omp_wasm_output(), length).slice());
    }
  }

  /** Sets the only listener; called from inside `tick`. */
  onPathEvent(listener: (event: PathEvent) => void): void {
    this.#pathListener = listener;
  }

  /** Sets the only listener to what the core takes from its line; called from inside `tick`. `bytes` is valid until it returns. */
  onReceive(listener: (bytes: Uint8Array) => void): void {
    this.#receiveListener = listener;
  }

  /** Cuts the line of the transport that is open. */
  unplug(): void {
    this.#transport?.end("the wasm core was unplugged");
  }

  /** @internal */
  connect(transport: WasmTransport): void {
    this.#transport?.end("another transport took the line");
    this.#transport = transport;
    this.#exports.omp_wasm_reopen();
  }

  /** @internal */
  disconnect(transport: WasmTransport): void {
    if (this.#transport === transport) this.#transport = undefined;
  }

  readonly #receive = (bytes: Uint8Array, start: number, length: number): number => {
    const { memory, omp_wasm_input, omp_wasm_buffer_bytes, omp_wasm_receive } = this.#exports;
    const capacity = omp_wasm_buffer_bytes();
    for (let taken = 0; taken < length; taken += capacity) {
      const count = Math.min(length - taken, capacity);
      const input = new Uint8Array(memory.buffer, omp_wasm_input(), count);
      input.set(bytes.subarray(start + taken, start + taken + count));
      this.#receiveListener(input);
      omp_wasm_receive(count, 0);
    }
    return length;
  };

  #observe(
    kind: number,
    tick: number,
    t0: number,
    dt: number,
    count: number,
    address: number,
  ): void {
    const name = eventKinds[kind];
    if (name === undefined) return;
    const stride = this.#exports.omp_wasm_row_joints();
    const rows = new Int32Array(count * this.jointCount);
    for (let row = 0; row < count; row++) {
      rows.set(this.#joints(address + 4 * row * stride), row * this.jointCount);
    }
    this.#pathListener({ kind: name, tick: tick >>> 0, t0: t0 >>> 0, dt, rows });
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
