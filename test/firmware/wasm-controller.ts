import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { MessageType } from "../../firmware-bridge/src/protocol/constants.ts";
import {
  createStateMessage,
  readAck,
  readEvent,
  readParam,
  readState,
  type Ack,
  type EventMessage,
  type Param,
  type StateMessage,
} from "../../firmware-bridge/src/protocol/controller-messages.ts";
import { FrameDecoder } from "../../firmware-bridge/src/protocol/frame-decoder.ts";
import { FrameEncoder } from "../../firmware-bridge/src/protocol/frame-encoder.ts";
import {
  writeClearFault,
  writeEnable,
  writeEventAck,
  writeHello,
  writeParamGet,
  writeParamSet,
  writeSubscribe,
  writeTrajHeader,
  writeTrajPosition,
} from "../../firmware-bridge/src/protocol/host-messages.ts";
import { firmwareCorePath } from "../../firmware-bridge/src/transport/firmware-core.ts";
import { frameVectors } from "./vectors.ts";

/** The part of the standard that this file uses; Node's types leave it to the DOM library. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
};

export interface ControllerFrame {
  readonly type: number;
  readonly seq: number;
  readonly payload: Uint8Array;
}

/** What the core tells its observer; `kind` is 1 COMMIT, 2 ENABLE, 3 BRAKE. */
export interface PathEvent {
  readonly kind: number;
  /** u32. */
  readonly tick: number;
  readonly t0: number;
  readonly dt: number;
  readonly count: number;
}

/** Frames taken, and ways to lose what arrives. */
export interface ControllerCounters {
  readonly frames: number;
  readonly oversized: number;
  readonly undersized: number;
  readonly miscoded: number;
  readonly crc_errors: number;
  readonly replayed: number;
}

export interface TrajPart {
  readonly chunkId: number;
  readonly partIndex: number;
  readonly partCount: number;
  /** u32 tick. */
  readonly t0: number;
  readonly dt: number;
  readonly rows: readonly (readonly number[])[];
}

/** The module that ships. */
export const committedCore: Uint8Array = readFileSync(firmwareCorePath());

/** Compiled once each. */
const modules = new Map<Uint8Array, object>();

function moduleOf(core: Uint8Array): object {
  const module = modules.get(core) ?? new WebAssembly.Module(core);
  modules.set(core, module);
  return module;
}

/** Mask of the reference controller's joints. */
export const allJoints = 0x3f;

/**
 * The C core behind the functions of port/wasm/wasm.c, spoken to in frames as a host would. Its joints are where they are commanded
 * to, unless `measured` says otherwise.
 */
export class WasmController {
  /** Counts, one a joint; undefined: the command. */
  measured: readonly number[] | undefined;
  /** Joints that give a measurement. */
  validMask = 0xff;
  /** mN·m, one a joint. */
  effort: readonly number[] = [];
  /** What shaped the path, in order. */
  readonly events: readonly PathEvent[];
  readonly #exports: ReadonlyMap<string, unknown>;
  readonly #buffer: ArrayBuffer;
  readonly #encoder = new FrameEncoder();
  readonly #decoder = new FrameDecoder((type, seq, payload, length) => {
    const bytes = new Uint8Array(payload.buffer, payload.byteOffset, length).slice();
    this.#frames.push({ type, seq, payload: bytes });
  });
  #frames: ControllerFrame[] = [];
  #wire: number[] = [];
  #seq = 0;

  private constructor(exports: object, events: readonly PathEvent[], bootId: number) {
    this.#exports = new Map(Object.entries(exports));
    this.events = events;
    const memory: unknown = this.#exports.get("memory");
    assert.ok(typeof memory === "object" && memory !== null && "buffer" in memory);
    assert.ok(memory.buffer instanceof ArrayBuffer);
    this.#buffer = memory.buffer;
    this.#call("init", bootId);
  }

  /**
   * Starts anew, as after a reset. Whoever needs hundreds of controllers starts one anew: every instance reserves gigabytes of address
   * space, and Node has been seen to stop for good when it ran out of it.
   *
   * @param stored the kept parameter block, if there is one
   */
  boot(bootId: number, stored?: Uint8Array): void {
    if (stored === undefined) this.#call("init", bootId);
    else {
      new Uint8Array(this.#buffer, this.#call("input"), stored.length).set(stored);
      this.#call("init_stored", bootId, stored.length);
    }
    this.#seq = 0;
    this.#frames = [];
    this.#wire = [];
    this.#decoder.reset();
  }

  static async create(bootId = 1, core: Uint8Array = committedCore): Promise<WasmController> {
    const events: PathEvent[] = [];
    const observe = (kind: number, tick: number, t0: number, dt: number, count: number): void => {
      events.push({ kind, tick: tick >>> 0, t0: t0 >>> 0, dt, count });
    };
    const instance = new WebAssembly.Instance(moduleOf(core), { env: { observe } });
    return new WasmController(instance.exports, events, bootId);
  }

  /** A controller in HOLD with a session and a lease of `leaseMs` and its joints at 0. */
  static async enabled(leaseMs: number, core: Uint8Array = committedCore): Promise<WasmController> {
    const controller = await WasmController.create(1, core);
    controller.bootEnabled(leaseMs);
    return controller;
  }

  /** Starts anew and goes to HOLD with a session and a lease of `leaseMs`. */
  bootEnabled(leaseMs: number): void {
    this.boot(1);
    this.tick();
    this.hello(frameVectors.session_id);
    this.takeFrames();
    assert.equal(this.enable({ leaseMs }).code, 0);
  }

  get now(): number {
    return this.#call("now") >>> 0;
  }

  set now(tick: number) {
    this.#call("set_now", tick);
  }

  get mode(): number {
    return this.#call("mode");
  }

  get fault(): number {
    return this.#call("fault");
  }

  get session(): number {
    return this.#call("session") >>> 0;
  }

  get counters(): ControllerCounters {
    return {
      frames: this.#call("frames"),
      oversized: this.#call("oversized"),
      undersized: this.#call("undersized"),
      miscoded: this.#call("miscoded"),
      crc_errors: this.#call("crc_errors"),
      replayed: this.#call("replayed"),
    };
  }

  /** Counts, one a joint. */
  get command(): number[] {
    return [...this.#joints("command")];
  }

  /** One byte a joint: 0 driven to its command, 1 damped, 2 released. */
  get drive(): number[] {
    const bytes = new Uint8Array(this.#buffer, this.#call("drive"), this.#call("joint_count"));
    return [...bytes];
  }

  /** °C. */
  setTemperature(joint: number, celsius: number): void {
    this.#call("set_temperature", joint, celsius);
  }

  /** mV. */
  setVoltage(millivolts: number): void {
    this.#call("set_voltage", millivolts);
  }

  /** The parameter block that wants to be kept; empty when nothing has changed. */
  takeStored(): Uint8Array {
    const length = this.#call("store");
    return new Uint8Array(this.#buffer, this.#call("output"), length).slice();
  }

  /** Sequence number of the last host frame. */
  get seq(): number {
    return this.#seq;
  }

  tick(count = 1): void {
    for (let i = 0; i < count; i++) {
      this.#joints("measured").set(this.measured ?? this.command);
      this.#joints("effort").set(this.effort);
      this.#call("tick", this.validMask);
      this.#collect();
    }
  }

  /** Bytes that arrive after the current tick. */
  receive(bytes: Uint8Array): void {
    new Uint8Array(this.#buffer, this.#call("input"), bytes.length).set(bytes);
    this.#call("receive", bytes.length, 0);
    this.#collect();
  }

  /** What the core's decoder finds in `bytes`, apart from the controller: length, type, sequence number, payload of each frame. */
  decode(bytes: Uint8Array, seed: number): Uint8Array {
    new Uint8Array(this.#buffer, this.#call("input"), bytes.length).set(bytes);
    const length = this.#call("decode", bytes.length, seed);
    return new Uint8Array(this.#buffer, this.#call("output"), length);
  }

  /** The emergency input, not the frame. */
  pressEmergencyStop(): void {
    this.#call("estop");
  }

  /** Frames the controller sent since the last call. */
  takeFrames(): ControllerFrame[] {
    return this.#frames.splice(0);
  }

  /** Bytes the controller sent since the last call. */
  takeWire(): Uint8Array {
    return Uint8Array.from(this.#wire.splice(0));
  }

  /** Sends one frame whose payload `write` puts into the buffer it is given; the next sequence number, or `seq`. */
  post(type: number, write: (out: DataView) => number = () => 0, seq?: number): void {
    if (seq === undefined) this.#seq = (this.#seq + 1) % 256;
    const length = write(this.#encoder.payload);
    const end = this.#encoder.finish(type, seq ?? this.#seq, length, this.#decoder.seed);
    this.receive(this.#encoder.bytes.subarray(0, end));
  }

  /** `post`, and the ACK that is the only answer. */
  request(type: number, write?: (out: DataView) => number): Ack {
    this.takeFrames();
    this.post(type, write);
    const frames = this.takeFrames();
    assert.deepEqual(
      frames.map((frame) => frame.type),
      [MessageType.Ack],
    );
    const ack: Ack = { seq: 0, type: 0, code: 0, mode: 0, freeWaypoints: 0, chunkId: 0 };
    const payload = frames[0]?.payload ?? new Uint8Array();
    readAck(new DataView(payload.buffer), ack);
    assert.equal(ack.type, type);
    assert.equal(ack.seq, this.#seq);
    return ack;
  }

  hello(sessionId: number, features = 0): void {
    this.#decoder.seed = (frameVectors.schema_hash ^ sessionId) >>> 0;
    this.post(MessageType.Hello, (out) => writeHello(out, sessionId, features));
  }

  /** The next STATE, asked for at every tick; the subscription ends with it. */
  nextState(): StateMessage {
    assert.equal(this.subscribe(1).code, 0);
    this.tick();
    const frame = this.takeFrames().find(({ type }) => type === MessageType.State);
    assert.ok(frame, "no STATE");
    const state = createStateMessage(this.command.length);
    readState(new DataView(frame.payload.buffer), state);
    assert.equal(this.subscribe(0).code, 0);
    return state;
  }

  /** Events among the frames since the last call; the other frames are dropped. */
  takeEvents(): EventMessage[] {
    return this.takeFrames()
      .filter(({ type }) => type === MessageType.Event)
      .map(({ payload }) => readEvent(new DataView(payload.buffer)));
  }

  acknowledge(eventId: number): void {
    this.post(MessageType.EventAck, (out) => writeEventAck(out, eventId));
  }

  setParam(param: number, joint: number, value: number): Ack {
    return this.request(MessageType.ParamSet, (out) => writeParamSet(out, { param, joint, value }));
  }

  getParam(param: number, joint: number): Param {
    this.takeFrames();
    this.post(MessageType.ParamGet, (out) => writeParamGet(out, { param, joint }));
    const [answer] = this.takeFrames();
    assert.equal(answer?.type, MessageType.Param);
    return readParam(new DataView(answer?.payload.buffer ?? new ArrayBuffer(0)));
  }

  enable({
    leaseMs = 1000,
    limitsCrc = frameVectors.limits_crc,
  }: { readonly leaseMs?: number; readonly limitsCrc?: number } = {}): Ack {
    return this.request(MessageType.Enable, (out) =>
      writeEnable(out, { jointMask: allJoints, leaseMs, limitsCrc }),
    );
  }

  traj(part: TrajPart): Ack {
    return this.request(MessageType.Traj, (out) => {
      const { rows, ...header } = part;
      const headerLength = writeTrajHeader(out, {
        ...header,
        n: rows.length,
        jointMask: allJoints,
      });
      const positions = rows.flat();
      for (const [i, position] of positions.entries()) writeTrajPosition(out, i, position);
      return headerLength + 4 * positions.length;
    });
  }

  disable(): Ack {
    return this.request(MessageType.Disable);
  }

  clearFault(fault: number, faultNonce: number): Ack {
    return this.request(MessageType.ClearFault, (out) =>
      writeClearFault(out, { fault, faultNonce }),
    );
  }

  subscribe(periodTicks: number): Ack {
    return this.request(MessageType.Subscribe, (out) => writeSubscribe(out, periodTicks));
  }

  #collect(): void {
    for (;;) {
      const length = this.#call("transmit");
      if (length === 0) return;
      const bytes = new Uint8Array(this.#buffer, this.#call("output"), length);
      this.#wire.push(...bytes);
      this.#decoder.push(bytes);
    }
  }

  #joints(name: "command" | "measured" | "effort"): Int32Array {
    return new Int32Array(this.#buffer, this.#call(name), this.#call("joint_count"));
  }

  #call(name: string, ...values: number[]): number {
    const exported = this.#exports.get(`omp_wasm_${name}`);
    assert.ok(typeof exported === "function", `the core does not export omp_wasm_${name}`);
    const result: unknown = Reflect.apply(exported, undefined, values);
    return typeof result === "number" ? result : 0;
  }
}
