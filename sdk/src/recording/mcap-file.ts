import { type FileHandle, open, rename } from "node:fs/promises";

import { McapStreamReader, McapWriter } from "@mcap/core";

import { asOmpError, ErrorCode, OmpError } from "../errors.ts";
import { topicOf } from "./loop-recorder.ts";
import {
  logTime,
  isRecordedMessage,
  type RecordedMessage,
  type RecordingHeader,
  schemaOf,
} from "./recording-format.ts";

const METADATA = "omp-edge";
const READ_BYTES = 256 * 1024;

/** Writes messages into an MCAP file, which gets its name when it is complete: until then it is `<path>.part`. */
export class McapFile {
  readonly path: string;
  readonly #header: RecordingHeader;
  readonly #file: FileHandle;
  readonly #writer: McapWriter;
  readonly #channels = new Map<string, { readonly id: number; sequence: number }>();
  #bytes = 0n;

  private constructor(path: string, header: RecordingHeader, file: FileHandle) {
    this.path = path;
    this.#header = header;
    this.#file = file;
    this.#writer = new McapWriter({
      writable: {
        write: async (bytes) => {
          await file.writeFile(bytes);
          this.#bytes += BigInt(bytes.byteLength);
        },
        position: () => this.#bytes,
      },
    });
  }

  /** @throws {OmpError} RECORDING_FAILED */
  static async create(path: string, header: RecordingHeader): Promise<McapFile> {
    const file = await failing(path, open(`${path}.part`, "w"));
    const mcap = new McapFile(path, header, file);
    await failing(path, mcap.#begin());
    return mcap;
  }

  /** One at a time. @throws {OmpError} RECORDING_FAILED */
  async write({ topic, message }: RecordedMessage): Promise<void> {
    const channel = this.#channels.get(topic);
    if (channel === undefined) return;
    const time = logTime(this.#header, message.at_ms);
    channel.sequence += 1;
    await failing(
      this.path,
      this.#writer.addMessage({
        channelId: channel.id,
        sequence: channel.sequence,
        logTime: time,
        publishTime: time,
        data: new TextEncoder().encode(JSON.stringify(message)),
      }),
    );
  }

  /** Completes the file, makes sure that it is on the disk, and gives it its name. @throws {OmpError} RECORDING_FAILED */
  async close(): Promise<void> {
    await failing(this.path, this.#end());
  }

  async #begin(): Promise<void> {
    const { bundleId, bundleVersion, dtMs, joints, observations, utcOffsetMs } = this.#header;
    await this.#writer.start({ profile: "", library: "omp-edge" });
    const metadata = new Map([
      ["bundle_id", bundleId],
      ["bundle_version", bundleVersion],
      ["dt_ms", String(dtMs)],
      ["joints", JSON.stringify(joints)],
      ["observations", JSON.stringify(observations)],
      ["utc_offset_ms", String(utcOffsetMs)],
    ]);
    await this.#writer.addMetadata({ name: METADATA, metadata });
    const topics = ["/log", "/joint_state", "/trajectory"];
    for (const topic of [...topics, ...observations.map(({ key }) => topicOf(key))]) {
      const { name, data } = schemaOf(topic);
      const schemaId = await this.#writer.registerSchema({
        name,
        encoding: "jsonschema",
        data: new TextEncoder().encode(data),
      });
      const id = await this.#writer.registerChannel({
        topic,
        schemaId,
        messageEncoding: "json",
        metadata: new Map(),
      });
      this.#channels.set(topic, { id, sequence: 0 });
    }
  }

  async #end(): Promise<void> {
    await this.#writer.end();
    await this.#file.sync();
    await this.#file.close();
    await rename(`${this.path}.part`, this.path);
  }
}

/** A recording as it is read: first its header, then its messages in the file's order. */
export interface Recording {
  readonly header: RecordingHeader;
  readonly messages: AsyncIterable<RecordedMessage>;
}

/**
 * Opens a recording, also one that was cut short by a crash (`.part`): its whole records are read.
 *
 * @throws {OmpError} RECORDING_FAILED, RECORDING_INVALID
 */
export async function openRecording(path: string): Promise<Recording> {
  for await (const record of readRecords(path)) {
    if (!("header" in record)) continue;
    // The file is read anew for the messages, so that nobody has to close what he does not read.
    return { header: record.header, messages: messagesOf(readRecords(path)) };
  }
  throw invalid(path, "it has no metadata named omp-edge");
}

async function* messagesOf(
  records: AsyncIterable<{ readonly header: RecordingHeader } | RecordedMessage>,
): AsyncGenerator<RecordedMessage> {
  for await (const record of records) if ("topic" in record) yield record;
}

async function* readRecords(
  path: string,
): AsyncGenerator<{ readonly header: RecordingHeader } | RecordedMessage, void, void> {
  const file = await failing(path, open(path, "r"));
  try {
    const reader = new McapStreamReader();
    const topics = new Map<number, string>();
    const buffer = new Uint8Array(READ_BYTES);
    for (;;) {
      const { bytesRead } = await failing(path, file.read(buffer, 0, buffer.length));
      if (bytesRead === 0) return;
      reader.append(buffer.slice(0, bytesRead));
      for (;;) {
        const record = nextRecord(path, reader);
        if (record === undefined) break;
        if (record.type === "Channel") topics.set(record.id, record.topic);
        if (record.type === "Metadata" && record.name === METADATA) {
          yield { header: headerOf(path, record.metadata) };
        }
        if (record.type === "Message") {
          yield messageOf(path, topics.get(record.channelId) ?? "", record.data);
        }
      }
    }
  } finally {
    await file.close();
  }
}

function nextRecord(
  path: string,
  reader: McapStreamReader,
): ReturnType<McapStreamReader["nextRecord"]> {
  try {
    return reader.nextRecord();
  } catch (error) {
    throw invalid(path, error instanceof Error ? error.message : String(error));
  }
}

function headerOf(path: string, metadata: ReadonlyMap<string, string>): RecordingHeader {
  const get = (key: string): string => {
    const value = metadata.get(key);
    if (value === undefined) throw invalid(path, `its metadata has no ${key}`);
    return value;
  };
  try {
    return {
      bundleId: get("bundle_id"),
      bundleVersion: get("bundle_version"),
      dtMs: Number(get("dt_ms")),
      joints: JSON.parse(get("joints")),
      observations: JSON.parse(get("observations")),
      utcOffsetMs: Number(get("utc_offset_ms")),
    };
  } catch (error) {
    throw asOmpError(error, ErrorCode.RecordingInvalid, `${path} is no recording of omp-edge`);
  }
}

function messageOf(path: string, topic: string, data: Uint8Array): RecordedMessage {
  let message: unknown;
  try {
    message = JSON.parse(new TextDecoder().decode(data));
  } catch {
    message = undefined;
  }
  const recorded = { topic, message };
  if (!isRecordedMessage(recorded))
    throw invalid(path, `a message of ${topic} is not of its schema`);
  return recorded;
}

function invalid(path: string, observed: string): OmpError {
  return new OmpError(ErrorCode.RecordingInvalid, {
    what: `${path} is no recording of omp-edge`,
    observed,
  });
}

async function failing<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw asOmpError(error, ErrorCode.RecordingFailed, `recording ${path}`);
  }
}
