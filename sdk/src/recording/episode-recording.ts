import { sleepUntil } from "../clock.ts";
import { asOmpError, ErrorCode, type OmpError } from "../errors.ts";
import type { LoopRecorder } from "./loop-recorder.ts";
import { RecordingWriter } from "./recording-writer.ts";

const DRAIN_PERIOD_MS = 100;

/** Records a loop into one file, from `start` to `stop`. The loop never waits for it. */
export class EpisodeRecording {
  readonly path: string;
  readonly #recorder: LoopRecorder;
  readonly #writer: RecordingWriter;
  #failure: OmpError | undefined;
  #isStopped = false;
  #ended: Promise<void> = Promise.resolve();

  private constructor(recorder: LoopRecorder, writer: RecordingWriter, path: string) {
    this.path = path;
    this.#recorder = recorder;
    this.#writer = writer;
  }

  /**
   * Records what happens from now on. The file is `<path>.part` until `stop`.
   *
   * @throws {OmpError} RECORDING_FAILED
   */
  static async start(recorder: LoopRecorder, path: string): Promise<EpisodeRecording> {
    const writer = await RecordingWriter.create(recorder, path, recorder.ring.end);
    const recording = new EpisodeRecording(recorder, writer, path);
    recording.#ended = recording.#run();
    return recording;
  }

  /** Why nothing is written any more, as a full disk; the robot goes on. */
  get failure(): OmpError | undefined {
    return this.#failure;
  }

  /** Numbers that were overwritten before they could be written, because the disk was slow. */
  get overwritten(): number {
    return this.#writer.overwritten;
  }

  /** Writes the rest and completes the file. @throws {OmpError} RECORDING_FAILED, also of an earlier write */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#ended;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #run(): Promise<void> {
    const { clock } = this.#recorder;
    try {
      while (!this.#isStopped) {
        await this.#writer.drain();
        await sleepUntil(clock, clock.nowMs() + DRAIN_PERIOD_MS);
      }
      await this.#writer.drain();
      await this.#writer.close();
    } catch (error) {
      this.#failure = asOmpError(error, ErrorCode.RecordingFailed, `recording ${this.path}`);
    }
  }
}
