import { asOmpError, ErrorCode } from "../errors.ts";
import { JsonFields, type JsonObject } from "../internal/json-fields.ts";
import type { Joint } from "../types.ts";
import { parseVariants, type VariantSpec } from "./variants.ts";

export { type ExtraInputSpec, TimeInput, type VariantSpec } from "./variants.ts";

/** Version of the manifest this release reads. */
export const MANIFEST_VERSION = 1;

/** How a policy is sampled and executed; rows and steps of `dtMs`. */
export interface PolicySpec {
  readonly kind: "omp";
  /** How the policy was trained and is sampled; for people, the graph holds the sampler. */
  readonly objective: string;
  /** Network evaluations a chunk, all of them in the graph. */
  readonly nfe: number;
  readonly nObsSteps: number;
  readonly horizon: number;
  /** A new chunk is observed every so many steps. */
  readonly nActionSteps: number;
  /** First row that is not about the observed past. */
  readonly actionStartIndex: number;
  /** Rows, from `actionStartIndex`, whose time belongs to the plan that is already committed. */
  readonly leadSteps: number;
  readonly dtMs: number;
}

/** One observation key. */
export interface ObservationSpec {
  readonly key: string;
  /** Of one sample, without batch and steps. */
  readonly shape: readonly number[];
  /** Product of `shape`. */
  readonly size: number;
  readonly dtype: "float32";
  readonly unit: string;
  /** One for each channel: the last axis; of an image [C, H, W], the first. */
  readonly names: readonly string[];
  readonly rateHz: number;
  /** An older sample is stale and is never acted on. */
  readonly maxAgeMs: number;
}

/** The vector the policy commands. */
export interface ActionSpec {
  readonly key: "action";
  /** `simulator`: in that simulator's own units; a robot refuses the bundle. */
  readonly kind: "joint_position" | "simulator";
  readonly dtype: "float32";
  /** One a column. */
  readonly names: readonly string[];
  /** The columns of `joint_position`; none of `simulator`. */
  readonly joints: readonly Joint[];
}

/** The noise input of the graph. */
export interface NoiseSpec {
  readonly input: string;
  readonly shape: readonly number[];
  readonly distribution: "standard_normal";
  readonly mode: "seeded";
  readonly generator: "mulberry32_box_muller";
}

/** Range of every channel over the training set, physical units. */
export interface RangeStats {
  readonly min: readonly number[];
  readonly max: readonly number[];
}

export interface NormalizationSpec {
  readonly mode: "min_max";
  /** The graph normalises by itself; the statistics are here to be read. */
  readonly folded: true;
  readonly stats: ReadonlyMap<string, RangeStats>;
}

/** Expected content of a file. */
export interface FileSpec {
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  readonly bytes: number;
}

/** Everything the runtime must not guess. Normative text: `models/MANIFEST.md`. */
export interface Manifest {
  readonly manifestVersion: typeof MANIFEST_VERSION;
  readonly bundleId: string;
  readonly bundleVersion: string;
  readonly createdAt: string;
  readonly policy: PolicySpec;
  readonly observations: readonly ObservationSpec[];
  readonly action: ActionSpec;
  readonly noise: NoiseSpec;
  readonly normalization: NormalizationSpec;
  readonly variants: readonly VariantSpec[];
  readonly defaultVariant: string;
  readonly golden: { readonly file: string };
  /** Provenance, for people. */
  readonly training: JsonObject;
  /** Provenance, for people. */
  readonly quantization: JsonObject;
  readonly files: ReadonlyMap<string, FileSpec>;
}

const FILE = "manifest.json";

/** Key of the action's statistics and name of the graph's output; nothing else may bear it. */
export const ACTION_KEY = "action";

/** @throws {OmpError} BUNDLE_INVALID naming the key */
export function parseManifest(text: string): Manifest {
  const root = new JsonFields(parseJson(text, FILE), FILE);
  const manifestVersion = root.literal("manifest_version", MANIFEST_VERSION);
  root.allow(
    "manifest_version",
    "bundle_id",
    "bundle_version",
    "created_at",
    "policy",
    "observations",
    "action",
    "noise",
    "normalization",
    "variants",
    "default_variant",
    "golden",
    "training",
    "quantization",
    "files",
  );
  const policy = parsePolicy(root.object("policy"));
  const observations = root.objects("observations").map(parseObservation);
  const action = parseAction(root.object("action"));
  if (action.kind === "joint_position" && !Number.isInteger(policy.dtMs)) {
    throw root.object("policy").refuse("dt_ms", policy.dtMs, "whole ms, as a controller ticks");
  }
  const sizes = new Map(observations.map(({ key, shape }) => [key, channels(shape)]));
  if (sizes.size !== observations.length) {
    throw root.refuse("observations", [...sizes.keys()], "every key once");
  }
  const noise = parseNoise(root.object("noise"), [policy.horizon, action.names.length], sizes);
  const files = parseFiles(root.object("files"));
  const fileOf = (fields: JsonFields, key: string): string => {
    const file = fields.string(key);
    if (!files.has(file)) throw fields.refuse(key, file, "a file listed in files");
    return file;
  };
  const variants = parseVariants(root, [...sizes.keys(), noise.input], fileOf);
  const runnable = variants.filter(({ inputs }) => inputs.length === 0);
  const defaultVariant = root.literal("default_variant", ...runnable.map(({ name }) => name));
  return {
    manifestVersion,
    bundleId: root.string("bundle_id"),
    bundleVersion: root.string("bundle_version"),
    createdAt: root.string("created_at"),
    policy,
    observations,
    action,
    noise,
    normalization: parseNormalization(
      root.object("normalization"),
      new Map([...sizes, [action.key, action.names.length]]),
    ),
    variants,
    defaultVariant,
    golden: { file: fileOf(root.object("golden").allow("file"), "file") },
    training: root.free("training"),
    quantization: root.free("quantization"),
    files,
  };
}

/** `JSON.parse` whose error names the file. */
export function parseJson(
  text: string,
  file: string,
  code: ErrorCode = ErrorCode.BundleInvalid,
): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw asOmpError(error, code, `${file} is not JSON`);
  }
}

function parsePolicy(fields: JsonFields): PolicySpec {
  fields.allow(
    "kind",
    "objective",
    "nfe",
    "n_obs_steps",
    "horizon",
    "n_action_steps",
    "action_start_index",
    "lead_steps",
    "dt_ms",
  );
  const horizon = fields.integer("horizon", 1, 1024);
  const actionStartIndex = fields.integer("action_start_index", 0, horizon - 1);
  const leadSteps = fields.integer("lead_steps", 0, horizon - actionStartIndex - 1);
  return {
    kind: fields.literal("kind", "omp"),
    objective: fields.string("objective"),
    nfe: fields.integer("nfe", 1, 100),
    nObsSteps: fields.integer("n_obs_steps", 1, 16),
    horizon,
    nActionSteps: fields.integer("n_action_steps", 1, horizon - actionStartIndex - leadSteps),
    actionStartIndex,
    leadSteps,
    dtMs: fields.number("dt_ms", 1, 1000),
  };
}

function parseObservation(fields: JsonFields): ObservationSpec {
  fields.allow("key", "shape", "dtype", "unit", "names", "rate_hz", "max_age_ms");
  const key = fields.string("key");
  if (key === ACTION_KEY) throw fields.refuse("key", key, `another key than ${ACTION_KEY}`);
  const shape = fields.shape("shape");
  const names = fields.strings("names");
  if (names.length !== channels(shape)) {
    throw fields.refuse("names", names, `${channels(shape)} names, one a channel`);
  }
  return {
    key,
    shape,
    size: shape.reduce((product, size) => product * size, 1),
    dtype: fields.literal("dtype", "float32"),
    unit: fields.string("unit"),
    names,
    rateHz: fields.number("rate_hz", 0.1, 10_000),
    maxAgeMs: fields.number("max_age_ms", 1, 60_000),
  };
}

function parseAction(fields: JsonFields): ActionSpec {
  const kind = fields.literal("kind", "joint_position", "simulator");
  const columns = kind === "simulator" ? "names" : "joints";
  fields.allow("key", "kind", "dtype", columns);
  const joints =
    kind === "simulator" ? [] : fields.unique("joints", fields.objects("joints").map(parseJoint));
  const names = kind === "simulator" ? fields.strings("names") : joints.map(({ name }) => name);
  if (new Set(names).size !== names.length) throw fields.refuse(columns, names, "every name once");
  return {
    key: fields.literal("key", ACTION_KEY),
    kind,
    dtype: fields.literal("dtype", "float32"),
    names,
    joints,
  };
}

function parseJoint(fields: JsonFields): Joint {
  fields.allowWithOptional(
    ["name", "kind", "unit", "min_position", "max_position", "max_velocity", "max_acceleration"],
    ["max_jerk", "max_effort"],
  );
  const kind = fields.literal("kind", "revolute", "prismatic");
  fields.literal("unit", kind === "revolute" ? "rad" : "m");
  const minPosition = fields.number("min_position");
  const maxPosition = fields.number("max_position");
  if (minPosition >= maxPosition) {
    throw fields.refuse("max_position", maxPosition, `more than min_position ${minPosition}`);
  }
  return {
    name: fields.string("name"),
    kind,
    minPosition,
    maxPosition,
    maxVelocity: fields.number("max_velocity", 1e-6),
    maxAcceleration: fields.number("max_acceleration", 1e-6),
    ...(fields.has("max_jerk") && { maxJerk: fields.number("max_jerk", 1e-6) }),
    ...(fields.has("max_effort") && { maxEffort: fields.number("max_effort", 1e-6) }),
  };
}

function parseNoise(
  fields: JsonFields,
  expectedShape: readonly number[],
  observationSizes: ReadonlyMap<string, number>,
): NoiseSpec {
  fields.allow("input", "shape", "distribution", "mode", "generator");
  const input = fields.string("input");
  if (input === ACTION_KEY || observationSizes.has(input)) {
    throw fields.refuse("input", input, `neither ${ACTION_KEY} nor an observation key`);
  }
  const shape = fields.shape("shape");
  if (shape.join() !== expectedShape.join()) {
    throw fields.refuse("shape", shape, `[${expectedShape.join(", ")}], horizon and joints`);
  }
  return {
    input,
    shape,
    distribution: fields.literal("distribution", "standard_normal"),
    mode: fields.literal("mode", "seeded"),
    generator: fields.literal("generator", "mulberry32_box_muller"),
  };
}

/** Values of a sample that have a name and a range each: the last axis; of an image [C, H, W], the first. */
function channels(shape: readonly number[]): number {
  return shape.at(shape.length === 3 ? 0 : -1) ?? 0;
}

function parseNormalization(
  fields: JsonFields,
  sizes: ReadonlyMap<string, number>,
): NormalizationSpec {
  fields.allow("mode", "folded", "stats");
  const stats = fields.object("stats").allow(...sizes.keys());
  const parsed = [...sizes].map(([key, size]): [string, RangeStats] => {
    const range = stats.object(key).allow("min", "max");
    const read = (side: string): readonly number[] => {
      const values = range.numbers(side);
      if (values.length === size) return values;
      throw range.refuse(side, values, `${size} numbers`);
    };
    return [key, { min: read("min"), max: read("max") }];
  });
  return {
    mode: fields.literal("mode", "min_max"),
    folded: fields.literal("folded", true),
    stats: new Map(parsed),
  };
}

function parseFiles(fields: JsonFields): ReadonlyMap<string, FileSpec> {
  const files = new Map<string, FileSpec>();
  for (const name of fields.keys()) {
    const file = fields.object(name).allow("sha256", "bytes");
    if (!/^[\w][\w.-]*$/.test(name)) throw fields.refuse(name, name, "a file name without folder");
    const sha256 = file.string("sha256");
    if (!/^[0-9a-f]{64}$/.test(sha256)) {
      throw file.refuse("sha256", sha256, "64 lower-case hexadecimal digits");
    }
    files.set(name, { sha256, bytes: file.integer("bytes", 1, 2 ** 40) });
  }
  return files;
}
