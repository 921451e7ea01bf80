import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";

import type { Clock } from "../../../sdk/src/clock.ts";
import { ErrorCode, OmpError } from "../../../sdk/src/errors.ts";
import { openSerialTransport } from "../transport/serial-transport.ts";
import type { OpenTransport } from "../transport/transport.ts";
import type { PlantReply, PlantRequest, PlantWorkerOptions } from "./plant-messages.ts";
import type { SimulatedArm } from "./simulated-arm.ts";
import { WorldCamera } from "./world-camera.ts";

export interface PtyArmOptions {
  readonly clock: Clock;
  /** The firmware's host port, built by `make -C firmware-bridge/firmware host`. */
  readonly firmwarePath: string;
  readonly worldDirectory: string;
  /** Binary log of the command of every tick; see the firmware's README. */
  readonly pathLog?: string;
  /** Binary log of every committed chunk and every event that shapes the path. */
  readonly admitLog?: string;
}

/** 100 Hz, as a good tracker. */
const SAMPLE_TICKS = 10;

type Reply = Exclude<PlantReply, { kind: "sample" | "ended" }>;

/** The firmware as a process of its own behind a real pty, its motors simulated in a thread. */
export class PtyArm implements SimulatedArm {
  readonly name = "host firmware on a pty";
  readonly camera: WorldCamera = new WorldCamera();
  readonly openTransport: OpenTransport;
  /** A link to whatever terminal the firmware serves now. */
  readonly serialPath: string;
  readonly #directory: string;
  readonly #worker: Worker;
  readonly #waiting = new Map<
    number,
    { resolve: (reply: Reply) => void; reject: (e: OmpError) => void }
  >();
  readonly #ended: Promise<void>;
  #failure: OmpError | undefined;
  #nextId = 1;

  private constructor(directory: string, options: PtyArmOptions) {
    this.#directory = directory;
    this.serialPath = join(directory, "controller");
    this.openTransport = async () =>
      openSerialTransport({ clock: options.clock, path: this.serialPath });
    const workerData: PlantWorkerOptions = {
      firmwarePath: options.firmwarePath,
      firmwareArguments: [
        "--link",
        this.serialPath,
        "--control",
        "3",
        ...(options.pathLog === undefined ? [] : ["--path-log", options.pathLog]),
        ...(options.admitLog === undefined ? [] : ["--admit-log", options.admitLog]),
      ],
      worldDirectory: options.worldDirectory,
      sampleTicks: SAMPLE_TICKS,
    };
    this.#worker = new Worker(new URL("./plant-worker.js", import.meta.url), { workerData });
    this.#worker.on("message", (reply: PlantReply) => {
      this.#take(reply);
    });
    this.#worker.on("error", (error) => {
      this.#fail(error.message);
    });
    this.#ended = new Promise((resolve) => {
      this.#worker.once("exit", () => {
        this.#fail("the simulated arm ended");
        resolve();
      });
    });
  }

  /**
   * Starts firmware and physics; resolves when the arm's state has been seen.
   *
   * @throws {OmpError} TOOL_FAILED
   */
  static async start(options: PtyArmOptions): Promise<PtyArm> {
    const arm = new PtyArm(await mkdtemp(join(tmpdir(), "omp-arm-")), options);
    try {
      await arm.place(0);
    } catch (error) {
      await arm.close();
      throw error;
    }
    return arm;
  }

  async place(seed: number): Promise<void> {
    const reply = await this.#ask((id) => ({ kind: "place", id, seed }));
    if (reply.kind === "placed") await this.camera.seen(reply.placement);
  }

  /** One line to the firmware's control channel, one JSON line back; see the firmware's README. */
  async control(command: string): Promise<Readonly<Record<string, unknown>>> {
    const reply = await this.#ask((id) => ({ kind: "control", id, command }));
    const answer: unknown = reply.kind === "answer" ? JSON.parse(reply.line) : undefined;
    return typeof answer === "object" && answer !== null ? { ...answer } : {};
  }

  async close(): Promise<void> {
    this.#post({ kind: "stop" });
    await this.#ended;
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #ask(request: (id: number) => PlantRequest): Promise<Reply> {
    if (this.#failure !== undefined) throw this.#failure;
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#post(request(id));
    });
  }

  #post(request: PlantRequest): void {
    this.#worker.postMessage(request);
  }

  #take(reply: PlantReply): void {
    if (reply.kind === "sample") {
      this.camera.see(reply.sample);
    } else if (reply.kind === "ended") {
      this.#fail(reply.reason);
    } else {
      this.#waiting.get(reply.id)?.resolve(reply);
      this.#waiting.delete(reply.id);
    }
  }

  #fail(reason: string): void {
    this.#failure ??= new OmpError(ErrorCode.ToolFailed, {
      what: "the simulated arm stopped",
      observed: reason,
    });
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}
