import { ErrorCode, OmpError } from "../errors.ts";
import { tensorBuffer } from "../internal/tensor-buffer.ts";
import type { BoundGraph } from "./bound-graph.ts";
import type { TensorBuffers, TensorInfo, TensorMemory } from "./inference-backend.ts";

/** Output of the encoder [1, F] and input of the head [1, steps, F]. */
const FEATURES = "features";

/** One observed step and what the encoder made of it. */
interface EncodedStep {
  readonly values: ReadonlyMap<string, Float32Array>;
  readonly features: Float32Array;
  isKnown: boolean;
}

/**
 * A policy as two graphs: an encoder of one observed step, and a head from the features of all steps to actions.
 *
 * The features of the last observation's steps are kept. They stand for a step again only when every number of it is the same, so a
 * step is never mistaken for another one and nothing has to be forgotten when an episode starts.
 */
export class SplitGraph<Tensor extends { readonly data: unknown }> {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly memory: TensorMemory;
  readonly #encoder: BoundGraph<Tensor>;
  readonly #head: BoundGraph<Tensor>;
  readonly #noise: readonly TensorInfo[];
  readonly #headFeatures: Float32Array;
  readonly #stepFeatures: Float32Array;
  #kept: readonly EncodedStep[];
  #next: readonly EncodedStep[];
  #isRunning = false;

  /** @throws {OmpError} BUNDLE_INVALID when the two graphs do not fit each other */
  constructor(encoder: BoundGraph<Tensor>, head: BoundGraph<Tensor>) {
    this.#encoder = encoder;
    this.#head = head;
    const stepFeatures = encoder.memory.outputs.get(FEATURES);
    const headFeatures = head.memory.inputs.get(FEATURES);
    const shape = head.inputs.find(({ name }) => name === FEATURES)?.shape ?? [];
    const steps = shape[1] ?? 0;
    if (
      stepFeatures === undefined ||
      headFeatures === undefined ||
      shape.length !== 3 ||
      headFeatures.length !== steps * stepFeatures.length
    ) {
      throw new OmpError(ErrorCode.BundleInvalid, {
        what: "the encoder does not fit its head",
        observed: `${stepFeatures?.length ?? "no"} ${FEATURES} out, [${shape.join(", ")}] in`,
        expected: `an encoder with the output ${FEATURES}[1, F], a head with the input ${FEATURES}[1, steps, F]`,
      });
    }
    this.#stepFeatures = stepFeatures;
    this.#headFeatures = headFeatures;
    this.#noise = head.inputs.filter(({ name }) => name !== FEATURES);
    const observations = encoder.inputs.map((info) => ({
      ...info,
      shape: [1, steps, ...info.shape.slice(1)],
    }));
    this.inputs = [...observations, ...this.#noise];
    this.outputs = head.outputs;
    const windows = observations.map(({ name, shape: window }): [string, Float32Array] => [
      name,
      new Float32Array(window.reduce((product, size) => product * size, 1)),
    ]);
    const headInputs = [...head.memory.inputs].filter(([name]) => name !== FEATURES);
    this.memory = {
      inputs: new Map([...windows, ...headInputs]),
      outputs: head.memory.outputs,
    };
    const createSteps = (): readonly EncodedStep[] =>
      Array.from({ length: steps }, () => ({
        values: new Map(
          [...encoder.memory.inputs].map(([name, { length }]) => [name, new Float32Array(length)]),
        ),
        features: new Float32Array(stepFeatures.length),
        isKnown: false,
      }));
    this.#kept = createSteps();
    this.#next = createSteps();
  }

  async warmUp(): Promise<void> {
    await this.#encoder.warmUp();
    await this.#head.warmUp();
  }

  /** As `InferenceBackend.infer`. */
  async infer(inputs: TensorBuffers, outputs: TensorBuffers): Promise<number> {
    if (this.#isRunning) {
      throw new OmpError(ErrorCode.InvalidState, {
        what: "the session cannot infer",
        observed: "an inference is running",
      });
    }
    // All of them now: the caller may change its buffers as soon as this call has returned.
    for (const { name, shape } of this.inputs) {
      const own = this.memory.inputs.get(name) ?? new Float32Array();
      const given = tensorBuffer(
        inputs,
        name,
        shape.reduce((product, size) => product * size, 1),
      );
      if (given !== own) own.set(given);
    }
    for (const [name, { length }] of this.memory.outputs) tensorBuffer(outputs, name, length);
    this.#isRunning = true;
    try {
      const encoderMs = await this.#encode();
      return encoderMs + (await this.#head.infer(this.#head.memory.inputs, outputs));
    } finally {
      this.#isRunning = false;
    }
  }

  async close(): Promise<void> {
    await this.#encoder.close();
    await this.#head.close();
  }

  /** Features of every step of the window; answers with the time of the encoder's runs, ms. */
  async #encode(): Promise<number> {
    let ms = 0;
    for (const one of this.#next) one.isKnown = false;
    for (const [step, next] of this.#next.entries()) {
      for (const [name, values] of next.values) {
        const from = step * values.length;
        const window = this.memory.inputs.get(name) ?? new Float32Array();
        values.set(window.subarray(from, from + values.length));
      }
      const known = find(this.#kept, next) ?? find(this.#next, next);
      if (known === undefined) {
        ms += await this.#encoder.infer(next.values, this.#encoder.memory.outputs);
        next.features.set(this.#stepFeatures);
      } else {
        next.features.set(known.features);
      }
      next.isKnown = true;
      this.#headFeatures.set(next.features, step * next.features.length);
    }
    [this.#kept, this.#next] = [this.#next, this.#kept];
    return ms;
  }
}

function find(among: readonly EncodedStep[], step: EncodedStep): EncodedStep | undefined {
  return among.find(({ isKnown, values }) => isKnown && isSame(values, step.values));
}

function isSame(
  a: ReadonlyMap<string, Float32Array>,
  b: ReadonlyMap<string, Float32Array>,
): boolean {
  for (const [name, values] of a) {
    const others = b.get(name);
    for (let i = 0; i < values.length; i += 1) if (values[i] !== others?.[i]) return false;
  }
  return true;
}
