import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import type { ActuatorLink } from "../../src/actuator-link.ts";
import type { Clock } from "../../src/clock.ts";
import type { ControlLoop } from "../../src/control-loop.ts";
import type { Manifest } from "../../src/bundle/manifest.ts";
import { BlackBox, EpisodeRecording, LoopRecorder } from "../../src/recording/index.ts";
import { stateFolder } from "../../src/runtime/node/tuning.ts";
import type { SensorSource } from "../../src/sensor.ts";

/** The demo ends with its first fault, and waits for this. */
const SECONDS_AFTER_FAULT = 0.5;

/** The demo's black box, always on, and a recording of everything where one is asked for. */
export class DemoRecording {
  /** What was written, for people. */
  readonly written: string[] = [];
  readonly #recorder: LoopRecorder;
  readonly #blackBox: BlackBox;
  readonly #directory: string | undefined;
  #recording: EpisodeRecording | undefined;

  /** @param directory for everything; undefined: only faults, in this user's state folder */
  constructor(manifest: Manifest, clock: Clock, directory: string | undefined) {
    this.#directory = directory;
    this.#recorder = new LoopRecorder({ manifest, clock });
    this.#blackBox = new BlackBox(this.#recorder, {
      directory: directory ?? join(stateFolder(), "black-box"),
      secondsAfter: SECONDS_AFTER_FAULT,
      onDump: (outcome) => {
        this.written.push("path" in outcome ? outcome.path : outcome.failure.message);
      },
    });
  }

  tap(sensors: readonly SensorSource[]): SensorSource[] {
    return sensors.map((sensor) => this.#recorder.tap(sensor));
  }

  /** @throws {OmpError} RECORDING_FAILED */
  async start(loop: ControlLoop, link: ActuatorLink): Promise<void> {
    this.#recorder.attach(loop, link);
    this.#blackBox.watch(loop);
    if (this.#directory === undefined) return;
    await mkdir(this.#directory, { recursive: true });
    const path = join(this.#directory, "demo.mcap");
    this.#recording = await EpisodeRecording.start(this.#recorder, path);
  }

  /** Waits for a dump that is being written, and completes the recording. */
  async close(): Promise<void> {
    await this.#blackBox.settled();
    if (this.#recording === undefined) return;
    await this.#recording.stop();
    this.written.push(this.#recording.path);
  }
}
