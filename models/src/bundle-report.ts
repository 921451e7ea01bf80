import type { BundleReader } from "../../sdk/src/bundle/bundle-reader.ts";
import type { Manifest } from "../../sdk/src/bundle/manifest.ts";
import { isOmpError } from "../../sdk/src/errors.ts";

/** A file the manifest names, against the file that is there. */
export interface FileCheck {
  readonly file: string;
  /** Expected size. */
  readonly bytes: number;
  readonly state: "ok" | "changed" | "missing";
}

/** Compares size and SHA-256 of every file the manifest names. */
export async function checkFiles(
  reader: BundleReader,
  manifest: Manifest,
): Promise<readonly FileCheck[]> {
  return Promise.all(
    [...manifest.files].map(async ([file, expected]): Promise<FileCheck> => {
      const { bytes } = expected;
      try {
        const content = await reader.read(file);
        const same = content.length === bytes && (await reader.sha256(content)) === expected.sha256;
        return { file, bytes, state: same ? "ok" : "changed" };
      } catch (error) {
        if (isOmpError(error, "BUNDLE_UNREADABLE")) return { file, bytes, state: "missing" };
        throw error;
      }
    }),
  );
}

/** What a manifest says, as lines for a person. */
export function describeManifest(manifest: Manifest): readonly string[] {
  const { policy, observations, action, training, quantization } = manifest;
  const executed = `rows ${policy.actionStartIndex + policy.leadSteps} to ${policy.actionStartIndex + policy.leadSteps + policy.nActionSteps - 1}`;
  return [
    `${manifest.bundleId} ${manifest.bundleVersion}, manifest version ${manifest.manifestVersion}, made ${manifest.createdAt}`,
    row(
      "policy",
      `${policy.objective}, ${policy.nfe} network evaluation${policy.nfe === 1 ? "" : "s"} a chunk`,
    ),
    row("chunk", `${policy.horizon} rows of ${policy.dtMs} ms, ${executed} executed`),
    ...observations.map(({ key, shape, unit, rateHz, maxAgeMs }) =>
      row(
        "observes",
        `${key} [${shape.join(", ")}] ${unit}, ${rateHz} Hz, at most ${maxAgeMs} ms old; last ${policy.nObsSteps}`,
      ),
    ),
    ...action.joints.map((joint) =>
      row(
        "moves",
        `${joint.name} ${joint.minPosition} to ${joint.maxPosition}, velocity ${joint.maxVelocity}, acceleration ${joint.maxAcceleration}${optional("jerk", joint.maxJerk)}${optional("effort", joint.maxEffort)} (${joint.kind === "revolute" ? "rad" : "m"}, s)`,
      ),
    ),
    ...(action.kind === "simulator"
      ? [row("moves", `${action.names.join(", ")} of a simulator, no robot`)]
      : []),
    ...manifest.variants.map(({ name, precision, inputs }) => {
      const error = numberAt(quantization, "action_error", name, "max_normalized");
      const p99 = numberAt(quantization, "action_error", name, "p99_normalized");
      const successes = numberAt(training, "success", name, "successes");
      const episodes = numberAt(training, "success", name, "episodes");
      return row(
        "variant",
        [
          name === manifest.defaultVariant ? `${name} (default)` : name,
          `precision ${precision}`,
          ...inputs.map((input) => `input ${input.name} (${input.meaning})`),
          ...(error === undefined ? [] : [`at most ${error} from PyTorch (normalised)`]),
          ...(p99 === undefined ? [] : [`99 % of the action values within ${p99}`]),
          ...(successes === undefined ? [] : [`${successes} of ${episodes} episodes succeeded`]),
        ].join(", "),
      );
    }),
    ...provenance("made by", training["command"]),
  ];
}

function row(name: string, text: string): string {
  return `${name.padEnd(10)}${text}`;
}

function provenance(name: string, value: unknown): readonly string[] {
  return typeof value === "string" ? [row(name, value)] : [];
}

/** The number that lies at `path` inside free-form JSON, undefined when there is none. */
export function numberAt(root: unknown, ...path: readonly string[]): number | undefined {
  let value: unknown = root;
  for (const key of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = new Map<string, unknown>(Object.entries(value)).get(key);
  }
  return typeof value === "number" ? value : undefined;
}

function optional(name: string, limit: number | undefined): string {
  return limit === undefined ? "" : `, ${name} ${limit}`;
}
