import { readFile } from "node:fs/promises";

import { asOmpError, ErrorCode } from "../../../../sdk/src/errors.ts";
import { replaceFile } from "../../../../sdk/src/runtime/node/signed-bundle/durable-file.ts";
import { MessageFields } from "../message-fields.ts";

/** What became of an update. */
export const updateOutcomes = ["healthy", "rolled_back", "refused"] as const;
export type UpdateOutcome = (typeof updateOutcomes)[number];

export interface FinishedUpdate {
  readonly hash: string;
  readonly outcome: UpdateOutcome;
  /** For people. */
  readonly detail: string;
}

/** The highest version of a policy that was committed here. */
export interface HighestVersion {
  readonly version: string;
  readonly hash: string;
}

/** Which bundle a robot runs. A hash is empty where there is none. */
export interface Slots {
  /** Proved itself here; a start runs it. */
  readonly committed: string;
  /** The one before. */
  readonly fallback: string;
  /** Acts and has not proved itself; a start that finds one goes back to `committed`. */
  readonly trial: string;
  readonly highest: ReadonlyMap<string, HighestVersion>;
  readonly last: FinishedUpdate | undefined;
}

const emptySlots: Slots = {
  committed: "",
  fallback: "",
  trial: "",
  highest: new Map(),
  last: undefined,
};
/** Characters of a `detail` that are kept. */
export const maxDetail: number = 1000;
const maxPolicies = 1000;
const hashPattern = /^([0-9a-f]{64})?$/;

/** The slots on the disk: one small file that is replaced whole. */
export class SlotTable {
  readonly #path: string;
  #slots: Slots;

  private constructor(path: string, slots: Slots) {
    this.#path = path;
    this.#slots = slots;
  }

  /** @throws {OmpError} BUNDLE_INVALID for a file that no SlotTable wrote */
  static async open(path: string): Promise<SlotTable> {
    return new SlotTable(path, await readSlots(path));
  }

  get slots(): Slots {
    return this.#slots;
  }

  /** On the disk when it resolves. */
  async change(changes: Partial<Slots>): Promise<void> {
    const next = { ...this.#slots, ...changes };
    await replaceFile(this.#path, encodeSlots(next));
    this.#slots = next;
  }
}

function encodeSlots({ committed, fallback, trial, highest, last }: Slots): string {
  const versions = [...highest].map(([id, { version, hash }]) => ({
    bundle_id: id,
    version,
    hash,
  }));
  const table = { committed, fallback, trial, highest: versions, last: last ?? null };
  return `${JSON.stringify({ slots_version: "1", ...table }, undefined, 2)}\n`;
}

async function readSlots(path: string): Promise<Slots> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return emptySlots;
    throw asOmpError(error, ErrorCode.BundleUnreadable, `cannot read ${path}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw asOmpError(error, ErrorCode.BundleInvalid, `${path} is no JSON`);
  }
  const root = new MessageFields(value, path);
  root.literal("slots_version", ["1"]);
  const hash = (key: string): string => root.matching(key, hashPattern);
  const last = root.objectOrNull("last");
  return {
    committed: hash("committed"),
    fallback: hash("fallback"),
    trial: hash("trial"),
    highest: new Map(
      root
        .objects("highest", maxPolicies)
        .map((one) => [
          one.string("bundle_id", 1000),
          { version: one.string("version", 100), hash: one.matching("hash", hashPattern) },
        ]),
    ),
    last: last && {
      hash: last.matching("hash", hashPattern),
      outcome: last.literal("outcome", updateOutcomes),
      detail: last.string("detail", maxDetail),
    },
  };
}
