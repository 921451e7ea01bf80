import type { LoopRecorder } from "./loop-recorder.ts";
import { McapFile } from "./mcap-file.ts";
import type { RingRecord } from "./record-ring.ts";

/** Copies what a recorder remembers into a file, from one instant on. */
export class RecordingWriter {
  readonly #recorder: LoopRecorder;
  readonly #file: McapFile;
  readonly #record: RingRecord;
  #position: number;
  #overwritten = 0;

  private constructor(recorder: LoopRecorder, file: McapFile, position: number) {
    this.#recorder = recorder;
    this.#file = file;
    this.#record = recorder.ring.createRecord();
    this.#position = position;
  }

  /**
   * @param from `recorder.ring.oldest` for everything that is remembered, `.end` for what comes now
   * @throws {OmpError} RECORDING_FAILED
   */
  static async create(
    recorder: LoopRecorder,
    path: string,
    from: number,
  ): Promise<RecordingWriter> {
    const file = await McapFile.create(path, recorder.header);
    return new RecordingWriter(recorder, file, from);
  }

  /** Numbers that were overwritten before they could be written; 0 in a complete recording. */
  get overwritten(): number {
    return this.#overwritten;
  }

  /** Writes what has come since the last call. One at a time. @throws {OmpError} RECORDING_FAILED */
  async drain(): Promise<void> {
    const { ring } = this.#recorder;
    for (;;) {
      this.#overwritten += Math.max(0, ring.oldest - this.#position);
      const next = ring.read(this.#position, this.#record);
      if (next === undefined) return;
      this.#position = next;
      const message = this.#recorder.message(this.#record);
      if (message !== undefined) await this.#file.write(message);
    }
  }

  /** Completes the file. @throws {OmpError} RECORDING_FAILED */
  async close(): Promise<void> {
    await this.#file.close();
  }
}
