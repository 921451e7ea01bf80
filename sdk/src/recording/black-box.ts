import { mkdir, readdir, unlink } from "node:fs/promises";
import { join } from "node:path";

import type { ControlLoop } from "../control-loop.ts";
import { asOmpError, ErrorCode, type OmpError } from "../errors.ts";
import { sleepUntil } from "../clock.ts";
import type { LoopRecorder } from "./loop-recorder.ts";
import { RecordingWriter } from "./recording-writer.ts";

export interface BlackBoxOptions {
  /** Where the files go; made when it is missing. */
  readonly directory: string;
  /** How long to go on after a fault, s. Default 2. */
  readonly secondsAfter?: number;
  /** The newest so many files are kept. Default 20. */
  readonly keep?: number;
  /** Called with every file, or with why there is none. Must not throw. */
  readonly onDump?: (outcome: { readonly path: string } | { readonly failure: OmpError }) => void;
}

const NAME = /^fault-\d{8}T\d{9}Z-[a-z_]+\.mcap$/;

/** Keeps what a loop did before a fault, and just after it: a file a fault. */
export class BlackBox {
  readonly #recorder: LoopRecorder;
  readonly #options: BlackBoxOptions;
  #dumping: Promise<void> | undefined;

  constructor(recorder: LoopRecorder, options: BlackBoxOptions) {
    this.#recorder = recorder;
    this.#options = options;
  }

  /** Dumps whenever the loop faults. Faults during a dump are in it. Returns a function that ends it. */
  watch(loop: ControlLoop): () => void {
    return loop.on("faulted", ({ reason }) => {
      this.#dumping ??= this.#dump(reason).finally(() => {
        this.#dumping = undefined;
      });
    });
  }

  /** Resolves when no dump is being written. */
  async settled(): Promise<void> {
    await this.#dumping;
  }

  async #dump(reason: string): Promise<void> {
    const { directory, secondsAfter = 2, keep = 20, onDump } = this.#options;
    const { clock, header, ring } = this.#recorder;
    const utc = new Date(clock.nowMs() + header.utcOffsetMs).toISOString().replaceAll(/[-:.]/g, "");
    const path = join(directory, `fault-${utc}-${reason}.mcap`);
    await sleepUntil(clock, clock.nowMs() + secondsAfter * 1000);
    try {
      await mkdir(directory, { recursive: true });
      const writer = await RecordingWriter.create(this.#recorder, path, ring.oldest);
      await writer.drain();
      await writer.close();
      await forgetOldest(directory, keep);
      onDump?.({ path });
    } catch (error) {
      onDump?.({ failure: asOmpError(error, ErrorCode.RecordingFailed, `recording ${path}`) });
    }
  }
}

/** Names sort by time. */
async function forgetOldest(directory: string, keep: number): Promise<void> {
  const names = (await readdir(directory)).filter((name) => NAME.test(name)).sort();
  for (const name of names.slice(0, Math.max(0, names.length - keep))) {
    await unlink(join(directory, name));
  }
}
