import type { MessageFields } from "../message-fields.ts";
import { type FinishedUpdate, maxDetail, updateOutcomes } from "./slot-table.ts";

/** How far an update is. `idle`: none runs. */
export const updatePhases = [
  "idle",
  "downloading",
  "verified",
  "warmed",
  "shadow_checked",
  "active",
] as const;
export type UpdatePhase = (typeof updatePhases)[number];

/** What a robot says about its bundles: retained, so that whoever comes later knows. FLEET.md, sections 3 and 6. */
export interface BundleReport {
  /** Names that a rollout selects robots by. */
  readonly groups: readonly string[];
  readonly committed: string;
  readonly bundleId: string;
  readonly bundleVersion: string;
  readonly fallback: string;
  readonly phase: UpdatePhase;
  /** The bundle that `phase` is about; empty when idle. */
  readonly candidate: string;
  /** Of the download, 0 to 1. */
  readonly progress: number;
  readonly last: FinishedUpdate | null;
}

const hashPattern = /^([0-9a-f]{64})?$/;
const groupPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const maxGroups = 16;

/** @throws {OmpError} INVALID_ARGUMENT */
export function parseBundleReport(fields: MessageFields): BundleReport {
  const last = fields.objectOrNull("last");
  return {
    groups: fields.names("groups", maxGroups, groupPattern),
    committed: fields.matching("committed", hashPattern),
    bundleId: fields.string("bundle_id", 1000),
    bundleVersion: fields.string("bundle_version", 100),
    fallback: fields.matching("fallback", hashPattern),
    phase: fields.literal("phase", updatePhases),
    candidate: fields.matching("candidate", hashPattern),
    progress: fields.number("progress"),
    last:
      last === undefined
        ? null
        : {
            hash: last.matching("hash", hashPattern),
            outcome: last.literal("outcome", updateOutcomes),
            detail: last.string("detail", maxDetail),
          },
  };
}
