import { asOmpError, ErrorCode, OmpError } from "../errors.ts";
import type { ModelFile, ModelSource } from "../runtime/inference-backend.ts";
import type { BundleReader } from "./bundle-reader.ts";
import { type Golden, parseGolden } from "./golden.ts";
import { type Manifest, parseManifest, TimeInput, type VariantSpec } from "./manifest.ts";

/** A bundle whose used files have been checked against the manifest. */
export interface PolicyBundle {
  readonly location: string;
  readonly manifest: Manifest;
  readonly variant: VariantSpec;
  readonly model: ModelSource;
  readonly golden: Golden;
}

/**
 * Reads the manifest, one variant and its golden cases, and checks size and SHA-256 of each file read.
 *
 * @param variantName the manifest's default when left out
 * @throws {OmpError} BUNDLE_UNREADABLE, BUNDLE_INVALID, BUNDLE_HASH_MISMATCH; INVALID_ARGUMENT for an unknown variant or one
 *   with inputs of its own
 */
export async function loadBundle(
  reader: BundleReader,
  variantName?: string,
): Promise<PolicyBundle> {
  const manifest = await readManifest(reader);
  const wanted = variantName ?? manifest.defaultVariant;
  const variant = manifest.variants.find(({ name }) => name === wanted);
  if (variant === undefined) {
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: `${reader.location} has no variant ${wanted}`,
      expected: runnable(manifest),
    });
  }
  if (variant.inputs.length > 0) {
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: `${reader.location}: variant ${wanted} cannot run a policy`,
      observed: `it needs the inputs ${variant.inputs.map(({ name }) => name).join(", ")}, which nothing here gives it`,
      expected: runnable(manifest),
      ...(isTimed(variant) ? { next: "Leave the variant out and ask for warmStartTau." } : {}),
    });
  }
  return readVariant(reader, manifest, variant, variant);
}

/**
 * As `loadBundle`, of the variant whose times are inputs. From t = 1 to r = 0 it is the policy, so its golden answers are those
 * of the variant of its precision.
 *
 * @throws {OmpError} as `loadBundle`; INVALID_ARGUMENT when the bundle has no such variant
 */
export async function loadTimedBundle(reader: BundleReader): Promise<PolicyBundle> {
  const manifest = await readManifest(reader);
  const timed = manifest.variants.find(isTimed);
  const same = manifest.variants.find(
    ({ inputs, precision }) => inputs.length === 0 && precision === timed?.precision,
  );
  if (timed !== undefined && same !== undefined) return readVariant(reader, manifest, timed, same);
  throw new OmpError(ErrorCode.InvalidArgument, {
    what: `${reader.location} has no variant for a warm start`,
    observed: manifest.variants.map(({ name }) => name).join(", "),
    expected: `one with the inputs ${TimeInput.From} and ${TimeInput.To}, and one of its precision without`,
    next: "Name tau among export.variants of the recipe and export again.",
  });
}

function isTimed({ inputs }: VariantSpec): boolean {
  const names = inputs.map(({ name, shape }) => `${name}[${shape.join()}]`).sort();
  return names.join(" ") === `${TimeInput.To}[1] ${TimeInput.From}[1]`;
}

async function readManifest(reader: BundleReader): Promise<Manifest> {
  return parseManifest(decode(await reader.read("manifest.json"), "manifest.json"));
}

/** @param golden the variant whose golden answers hold for it */
async function readVariant(
  reader: BundleReader,
  manifest: Manifest,
  variant: VariantSpec,
  golden: VariantSpec,
): Promise<PolicyBundle> {
  const { file, encoder } = variant;
  const model = await modelFile(reader, manifest, file);
  const goldenFile = manifest.golden.file;
  const goldenText = decode(await readChecked(reader, manifest, goldenFile), goldenFile);
  return {
    location: reader.location,
    manifest,
    variant,
    model:
      encoder === undefined
        ? model
        : { encoder: await modelFile(reader, manifest, encoder), head: model },
    golden: parseGolden(goldenText, manifest, golden.name, variant === golden ? [] : policyTimes()),
  };
}

async function modelFile(
  reader: BundleReader,
  manifest: Manifest,
  file: string,
): Promise<ModelFile> {
  const bytes = await readChecked(reader, manifest, file);
  const path = reader.path(file);
  return path === undefined ? { bytes } : { path };
}

/** At which the timed graph is the policy. */
function policyTimes(): readonly [string, Float32Array][] {
  return [
    [TimeInput.From, Float32Array.of(1)],
    [TimeInput.To, Float32Array.of(0)],
  ];
}

function runnable(manifest: Manifest): string {
  const variants = manifest.variants.filter(({ inputs }) => inputs.length === 0);
  return variants.map(({ name }) => name).join(" or ");
}

async function readChecked(
  reader: BundleReader,
  manifest: Manifest,
  file: string,
): Promise<Uint8Array> {
  const expected = manifest.files.get(file);
  if (expected === undefined) {
    throw new OmpError(ErrorCode.BundleInvalid, { what: `manifest.json: files lacks ${file}` });
  }
  const bytes = await reader.read(file);
  const sha256 = await reader.sha256(bytes);
  if (bytes.length === expected.bytes && sha256 === expected.sha256) return bytes;
  throw new OmpError(ErrorCode.BundleHashMismatch, {
    what: `${reader.location}: ${file} is not the file the manifest names`,
    observed: `${bytes.length} bytes, sha256 ${sha256}`,
    expected: `${expected.bytes} bytes, sha256 ${expected.sha256}`,
    next: "Copy the bundle again.",
  });
}

// Every runtime of the sdk has it; it is no part of the language, so the compiler does not know it.
declare const TextDecoder: new (
  label: "utf-8",
  options: { readonly fatal: true; readonly ignoreBOM: true },
) => { decode(bytes: Uint8Array): string };

/** UTF-8, strictly: a byte that is none is never replaced, and a byte order mark is left for the JSON parser to refuse. */
function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw asOmpError(error, ErrorCode.BundleInvalid, `${file} is not UTF-8`);
  }
}
