import { FrameDecoder } from "../../firmware-bridge/src/protocol/frame-decoder.ts";
import { createRandom, type RandomStream } from "../../sdk/src/random.ts";
import { frameVectors, fromHex } from "./vectors.ts";
import { WasmController } from "./wasm-controller.ts";

/** What became of frames that were damaged on the way. */
export interface MutationReport {
  /** Damaged frames. */
  readonly frames: number;
  /** Frames that a decoder took and that nobody had sent. Must be 0. */
  readonly acceptedAltered: number;
  /** Damaged frames that came out whole: the damage was outside of what counts, as a byte before the leading delimiter. */
  readonly acceptedWhole: number;
  /** Streams in which the C core and TypeScript did not find the same frames. Must be 0. */
  readonly disagreements: number;
  /** Damaged frames by the way they were damaged. */
  readonly kinds: Readonly<Record<string, number>>;
}

type Mutation = (bytes: readonly number[], random: RandomStream) => number[];

const progressFrames = 100_000;

function below(random: RandomStream, bound: number): number {
  return Math.floor(random.uniform(0, bound));
}

function times(random: RandomStream, most: number, change: () => void): void {
  for (let left = 1 + below(random, most); left > 0; left--) change();
}

function edited(
  most: number,
  edit: (out: number[], at: number, random: RandomStream) => void,
): Mutation {
  return (bytes, random) => {
    const out = [...bytes];
    times(random, most, () => {
      edit(out, below(random, Math.max(1, out.length)), random);
    });
    return out;
  };
}

/** What lines do to bytes. */
const mutations: Readonly<Record<string, Mutation>> = {
  bit_flips: edited(8, (out, at, random) => {
    out[at] = (out[at] ?? 0) ^ (1 << below(random, 8));
  }),
  drops: edited(4, (out, at) => {
    out.splice(at, 1);
  }),
  duplicates: edited(4, (out, at) => {
    out.splice(at, 0, out[at] ?? 0);
  }),
  inserts: edited(4, (out, at, random) => {
    out.splice(at, 0, below(random, 256));
  }),
  bursts: edited(2, (out, at, random) => {
    const end = Math.min(out.length, at + 2 + below(random, 31));
    for (let i = at; i < end; i++) out[i] = below(random, 256);
  }),
  swaps: edited(2, (out, at, random) => {
    const other = below(random, out.length);
    [out[at], out[other]] = [out[other] ?? 0, out[at] ?? 0];
  }),
  cuts: (bytes, random) => bytes.slice(0, below(random, bytes.length)),
};

/** A frame as its wire bytes and as a decoder reports it. */
interface Sent {
  readonly wire: readonly number[];
  readonly content: string;
}

function sentFrames(): Sent[] {
  const { messages, conversation } = frameVectors;
  const all = [...messages, ...conversation.steps.flatMap(({ answers }) => answers)];
  return all
    .filter(({ crc_seed }) => crc_seed === 0 || crc_seed === frameVectors.session_seed)
    .map(({ wire, type, seq, payload }) => ({
      wire: [...fromHex(wire)],
      content: contentOf(type, seq, fromHex(payload)),
    }));
}

/** Same bytes, same text. */
function contentOf(type: number, seq: number, payload: Uint8Array): string {
  return String.fromCharCode(payload.length, type, seq, ...payload);
}

/** The frames in what the core's decoder reports. */
function splitFound(found: Uint8Array): string[] {
  const contents: string[] = [];
  for (let at = 0; at < found.length;) {
    const end = at + 3 + (found[at] ?? 0);
    contents.push(String.fromCharCode(...found.subarray(at, end)));
    at = end;
  }
  return contents;
}

/**
 * Damages frames of a session, one at a time with an intact frame behind it, and hands the bytes to the decoders of the C core and of
 * TypeScript. A decoder may lose frames; it must not make one up.
 *
 * @param say one line of progress for a person
 */
export async function mutateFrames(
  count: number,
  seed: number,
  say: (line: string) => void = () => {},
): Promise<MutationReport> {
  const core = await WasmController.create();
  const random = createRandom(seed);
  const sent = sentFrames();
  const names = Object.keys(mutations);
  const kinds = Object.fromEntries(names.map((name) => [name, 0]));
  let found: string[] = [];
  const report = { frames: 0, acceptedAltered: 0, acceptedWhole: 0, disagreements: 0 };
  while (report.frames < count) {
    const original = sent[below(random, sent.length)];
    const next = sent[below(random, sent.length)];
    const name = names[below(random, names.length)] ?? "";
    if (original === undefined || next === undefined) break;
    const damaged = mutations[name]?.(original.wire, random) ?? [];
    const isSame = damaged.length === original.wire.length;
    if (isSame && damaged.every((byte, i) => byte === original.wire[i])) continue;
    const stream = Uint8Array.from([0, ...damaged, ...next.wire]);
    found = [];
    const decoder = new FrameDecoder((type, seq, payload, length) => {
      const bytes = new Uint8Array(payload.buffer, payload.byteOffset, length);
      found.push(contentOf(type, seq, bytes));
    });
    decoder.seed = frameVectors.session_seed;
    decoder.push(stream);
    const foundByCore = splitFound(core.decode(stream, frameVectors.session_seed));
    if (foundByCore.join("\n") !== found.join("\n")) report.disagreements++;
    for (const content of new Set([...found, ...foundByCore])) {
      if (content !== original.content && content !== next.content) report.acceptedAltered++;
    }
    if (original.content !== next.content && found.includes(original.content)) {
      report.acceptedWhole++;
    }
    kinds[name] = (kinds[name] ?? 0) + 1;
    report.frames++;
    if (report.frames % progressFrames === 0) say(`${report.frames} of ${count} damaged frames`);
  }
  return { ...report, kinds };
}
