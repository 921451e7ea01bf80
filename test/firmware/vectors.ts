import { readFileSync } from "node:fs";

import { repositoryPath } from "../support/repository.ts";

/** What make_vectors.py writes; the keys are those of PROTOCOL.md. */

export interface DescriptionFields {
  readonly joint: number;
  readonly kind: number;
  readonly fail_action: number;
  readonly max_temperature: number;
  readonly min_position: number;
  readonly max_position: number;
  readonly max_velocity: number;
  readonly max_acceleration: number;
  readonly max_effort: number;
  readonly following_error: number;
  readonly name: string;
}

/** A value of a message: TRAJ has `rows`, STATE `joints`, IDENT a `uid` of three. */
export type FieldValue =
  | number
  | string
  | readonly number[]
  | readonly (readonly number[])[]
  | readonly Readonly<Record<string, number>>[];

export interface MessageVector {
  readonly message: string;
  readonly type: number;
  readonly way: "host" | "controller";
  readonly seq: number;
  readonly crc_seed: number;
  readonly fields: Readonly<Record<string, FieldValue>>;
  readonly payload: string;
  readonly wire: string;
}

export interface StreamVector {
  readonly name: string;
  readonly wire: string;
  readonly frames: readonly {
    readonly type: number;
    readonly seq: number;
    readonly payload: string;
  }[];
  readonly counters: {
    readonly frames: number;
    readonly oversized: number;
    readonly undersized: number;
    readonly miscoded: number;
    readonly crc_errors: number;
  };
}

/** A host frame, or none, that arrives after the command of `tick`, and what the controller has sent by then. */
export interface ConversationStep extends Partial<MessageVector> {
  readonly tick: number;
  readonly why: string;
  readonly answers: readonly MessageVector[];
}

export interface FrameVectors {
  readonly crc32_check: { readonly text: string; readonly seed: number; readonly crc: number };
  readonly joints: readonly DescriptionFields[];
  readonly schema_hash: number;
  readonly limits_crc: number;
  readonly params_block: string;
  readonly session_id: number;
  readonly session_seed: number;
  readonly messages: readonly MessageVector[];
  readonly streams: readonly StreamVector[];
  readonly conversation: {
    readonly boot_id: number;
    readonly start_tick: number;
    readonly measured: readonly number[];
    readonly steps: readonly ConversationStep[];
  };
}

interface EventResult {
  /** u32 tick. */
  readonly now: number;
  /** null: not answered. */
  readonly ack: number | null;
  readonly effect: "nothing" | "commit" | "enable" | "brake";
  readonly mode: number;
  readonly buffered: number;
}

export type TimelineEvent = EventResult &
  (
    | { readonly kind: "hold" | "disable" | "estop" }
    | { readonly kind: "enable"; readonly measured: readonly number[] }
    | { readonly kind: "measured"; readonly position: readonly number[] }
    | { readonly kind: "new_session"; readonly session_id: number }
    | { readonly kind: "clear_fault"; readonly fault: number; readonly fault_nonce: number }
    | {
        readonly kind: "traj";
        readonly chunk_id: number;
        readonly part_index: number;
        readonly part_count: number;
        readonly t0: number;
        readonly dt: number;
        readonly rows: readonly (readonly number[])[];
      }
  );

export interface Scenario {
  readonly name: string;
  readonly start_tick: number;
  readonly start_position: readonly number[];
  readonly events: readonly TimelineEvent[];
  readonly modes: readonly { readonly mode: number; readonly ticks: number }[];
  readonly commands: readonly (readonly number[])[];
}

export interface TrajectoryVectors {
  readonly tick_hz: number;
  readonly ring_depth: number;
  readonly lease_ms: number;
  readonly heartbeat_every_ticks: number;
  readonly joints: readonly DescriptionFields[];
  readonly scenarios: readonly Scenario[];
}

export const frameVectors: FrameVectors = JSON.parse(read("frames.json"));
export const trajectoryVectors: TrajectoryVectors = JSON.parse(read("trajectory.json"));

function read(name: string): string {
  return readFileSync(repositoryPath("test", "vectors", name), "utf8");
}

export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
