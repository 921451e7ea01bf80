import { ErrorCode, OmpError } from "../errors.ts";
import { JsonFields } from "../internal/json-fields.ts";
import type { BackendInfo, InferenceBackend, TensorInfo } from "../runtime/inference-backend.ts";
import type { Manifest } from "./manifest.ts";
import { ACTION_KEY, parseJson } from "./manifest.ts";

/** Inputs of the graph and what it answered where the bundle was made, for the chosen variant. */
export interface GoldenCase {
  readonly inputs: ReadonlyMap<string, Float32Array>;
  /** Row-major `[1, horizon, actionDim]`, physical units. */
  readonly output: Float32Array;
}

export interface Golden {
  /** Of the graph, in any order. */
  readonly inputs: readonly TensorInfo[];
  /** Allowed absolute difference of one element, physical units. */
  readonly tolerance: number;
  readonly cases: readonly GoldenCase[];
}

/** Name and shape of every graph input, as the manifest implies them. */
export function graphInputs(manifest: Manifest): readonly TensorInfo[] {
  const { policy, observations, noise } = manifest;
  return [
    ...observations.map(({ key, shape }) => tensor(key, [1, policy.nObsSteps, ...shape])),
    tensor(noise.input, [1, ...noise.shape]),
  ];
}

/**
 * @param variant whose answers are read
 * @param constants inputs that the graph has besides, with the values at which those answers hold
 * @throws {OmpError} BUNDLE_INVALID naming the key
 */
export function parseGolden(
  text: string,
  manifest: Manifest,
  variant: string,
  constants: readonly (readonly [string, Float32Array])[] = [],
): Golden {
  const file = manifest.golden.file;
  const root = new JsonFields(parseJson(text, file), file).allow("tolerance", "cases");
  const inputs = graphInputs(manifest);
  const outputSize = size(manifest.noise.shape);
  return {
    inputs: [...inputs, ...constants.map(([name, { length }]) => tensor(name, [length]))],
    tolerance: root.object("tolerance").number(variant, 0),
    cases: root.objects("cases").map((fields) => {
      const given = fields.allow("inputs", "outputs").object("inputs");
      given.allow(...inputs.map(({ name }) => name));
      const outputs = fields.object("outputs");
      const output = Float32Array.from(outputs.numbers(variant));
      if (output.length !== outputSize) {
        throw outputs.refuse(variant, `${output.length} numbers`, `${outputSize} numbers`);
      }
      return {
        inputs: new Map([
          ...inputs.map((info) => [info.name, parseInput(given, info)] as const),
          ...constants,
        ]),
        output,
      };
    }),
  };
}

/**
 * Checks that the loaded graph is the one the manifest describes and answers as it did where the bundle was made.
 *
 * @throws {OmpError} BUNDLE_INVALID when inputs or outputs differ, BUNDLE_GOLDEN_MISMATCH when an answer differs
 */
export async function verifyGolden(
  manifest: Manifest,
  golden: Golden,
  backend: InferenceBackend,
  info: BackendInfo,
): Promise<void> {
  compareTensors("inputs", info.inputs, golden.inputs);
  compareTensors("outputs", info.outputs, [tensor(ACTION_KEY, [1, ...manifest.noise.shape])]);
  const output = new Float32Array(size(manifest.noise.shape));
  const outputs = new Map([[ACTION_KEY, output]]);
  for (const [index, one] of golden.cases.entries()) {
    await backend.infer(one.inputs, outputs);
    const difference = largestDifference(output, one.output);
    if (difference <= golden.tolerance) continue;
    throw new OmpError(ErrorCode.BundleGoldenMismatch, {
      what: `${manifest.bundleId}: case ${index} of ${manifest.golden.file} is not reproduced by ${info.runtime} (${info.activeProvider})`,
      observed: `a difference of ${difference}`,
      expected: `at most ${golden.tolerance}`,
      next: "Do not run this model on this machine; try another variant or execution provider.",
    });
  }
}

function parseInput(given: JsonFields, info: TensorInfo): Float32Array {
  const fields = given.object(info.name).allow("shape", "data");
  const shape = fields.shape("shape");
  if (shape.join() !== info.shape.join()) {
    throw fields.refuse("shape", shape, `[${info.shape.join(", ")}]`);
  }
  const data = fields.numbers("data");
  if (data.length !== size(shape)) {
    throw fields.refuse("data", `${data.length} numbers`, `${size(shape)} numbers`);
  }
  return Float32Array.from(data);
}

function compareTensors(
  side: string,
  observed: readonly TensorInfo[],
  expected: readonly TensorInfo[],
): void {
  if (tensorText(observed) === tensorText(expected)) return;
  throw new OmpError(ErrorCode.BundleInvalid, {
    what: `the ${side} of the model are not those of the manifest`,
    observed: tensorText(observed),
    expected: tensorText(expected),
  });
}

function tensorText(tensors: readonly TensorInfo[]): string {
  const texts = tensors.map(({ name, shape }) => `${name}[${shape.join(", ")}]`);
  return texts.sort().join(" ");
}

/** NaN anywhere gives NaN, which is within no tolerance. */
function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? Number.NaN))), 0);
}

function tensor(name: string, shape: readonly number[]): TensorInfo {
  return { name, shape, dtype: "float32" };
}

function size(shape: readonly number[]): number {
  return shape.reduce((product, one) => product * one, 1);
}
