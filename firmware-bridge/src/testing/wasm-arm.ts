import type { Clock } from "../../../sdk/src/clock.ts";
import { FirmwareCore } from "../transport/firmware-core.ts";
import type { OpenTransport } from "../transport/transport.ts";
import { openWasmTransport } from "../transport/wasm-transport.ts";
import { loadPushWorld } from "./load-world.ts";
import { Plant } from "./plant.ts";
import type { SimulatedArm } from "./simulated-arm.ts";
import { WorldCamera } from "./world-camera.ts";

export interface WasmArmOptions {
  readonly clock: Clock;
  readonly worldDirectory: string;
}

const TICK_MS = 1;
/** 100 Hz, as a good tracker. */
const SAMPLE_TICKS = 10;

/**
 * The firmware core and its simulated motors in this process, ticked by `clock`: in real time as well as the event loop manages, in
 * virtual time exactly.
 */
export class WasmArm implements SimulatedArm {
  readonly name = "firmware core in WebAssembly";
  readonly camera: WorldCamera = new WorldCamera();
  readonly openTransport: OpenTransport;
  readonly core: FirmwareCore;
  readonly #clock: Clock;
  readonly #plant: Plant;
  readonly #measured: Int32Array;
  #nextTickMs: number;
  #ticks = 0;
  #cancel: () => void = () => undefined;

  private constructor(clock: Clock, core: FirmwareCore, plant: Plant) {
    this.#clock = clock;
    this.core = core;
    this.#plant = plant;
    this.#measured = new Int32Array(plant.jointCount);
    this.openTransport = openWasmTransport(core);
    this.#nextTickMs = clock.nowMs();
    plant.place(0);
    this.#tick();
  }

  /** @throws {OmpError} TOOL_FAILED */
  static async start({ clock, worldDirectory }: WasmArmOptions): Promise<WasmArm> {
    const plant = new Plant(await loadPushWorld(worldDirectory));
    return new WasmArm(clock, await FirmwareCore.load(), plant);
  }

  async place(seed: number): Promise<void> {
    this.#plant.place(seed);
    this.camera.see(this.#plant.sample(this.#clock.nowMs()));
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#cancel();
    this.core.unplug();
    return Promise.resolve();
  }

  /** Every tick that is due, then a wait for the next one. */
  readonly #tick = (): void => {
    const nowMs = this.#clock.nowMs();
    while (this.#nextTickMs <= nowMs) {
      this.#plant.measure(this.#measured);
      this.core.tick(this.#measured);
      this.#plant.tick(this.core.command, this.core.drive);
      if (this.#ticks % SAMPLE_TICKS === 0) this.camera.see(this.#plant.sample(this.#nextTickMs));
      this.#ticks += 1;
      this.#nextTickMs += TICK_MS;
    }
    this.#cancel = this.#clock.callAt(this.#nextTickMs, this.#tick);
  };
}
