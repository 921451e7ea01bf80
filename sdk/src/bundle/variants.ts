import type { JsonFields } from "../internal/json-fields.ts";

/** Names of the inputs that the variant with free times has besides: from time `t`, 1 is noise, to time `r`, 0 is actions. */
export const TimeInput = { From: "t", To: "r" } as const;

/** A graph input besides the observations and the noise. */
export interface ExtraInputSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly meaning: string;
}

export interface VariantSpec {
  readonly name: string;
  readonly file: string;
  readonly precision: string;
  /** Empty for a variant that runs like the default one. */
  readonly inputs: readonly ExtraInputSpec[];
  /** Of a split variant: the graph that encodes one observed step; `file` leads from all steps' features to actions. */
  readonly encoder?: string;
}

/**
 * The manifest's `variants`.
 *
 * @param taken names that no further input may have
 * @param fileOf reads a key that names one of the manifest's files
 */
export function parseVariants(
  root: JsonFields,
  taken: readonly string[],
  fileOf: (fields: JsonFields, key: string) => string,
): readonly VariantSpec[] {
  const variants = root.objects("variants").map((fields): VariantSpec => {
    const isSplit = fields.keys().includes("encoder");
    fields.allow("name", "file", "precision", "inputs", ...(isSplit ? ["encoder"] : []));
    const inputs = parseExtraInputs(fields, taken);
    if (isSplit && inputs.length > 0) {
      const names = inputs.map(({ name }) => name);
      throw fields.refuse("inputs", names, "none, beside an encoder");
    }
    const variant = {
      name: fields.string("name"),
      file: fileOf(fields, "file"),
      precision: fields.string("precision"),
      inputs,
    };
    return isSplit ? Object.assign(variant, { encoder: fileOf(fields, "encoder") }) : variant;
  });
  return root.unique("variants", variants);
}

function parseExtraInputs(fields: JsonFields, taken: readonly string[]): readonly ExtraInputSpec[] {
  const inputs = fields.anyObjects("inputs").map((input) => ({
    name: input.allow("name", "shape", "meaning").string("name"),
    shape: input.shape("shape"),
    meaning: input.string("meaning"),
  }));
  const names = [...taken, ...inputs.map(({ name }) => name)];
  if (new Set(names).size === names.length) return inputs;
  throw fields.refuse("inputs", names, "names that no other input has");
}
