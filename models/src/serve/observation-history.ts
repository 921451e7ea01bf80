import type { ObservationSpec } from "../../../sdk/src/bundle/manifest.ts";
import { ErrorCode, OmpError } from "../../../sdk/src/errors.ts";
import type { Packed } from "./msgpack-numpy.ts";
import { NdArray } from "./nd-array.ts";

/** The last `nObsSteps` steps of every observation key of one episode, as `OmpPolicy.act` takes them. */
export class ObservationHistory {
  /** By policy key, row-major `[nObsSteps, ...shape]`, oldest step first. */
  readonly values: Readonly<Record<string, Float32Array>>;
  readonly #observations: readonly ObservationSpec[];
  readonly #nObsSteps: number;
  #isEmpty = true;

  constructor(observations: readonly ObservationSpec[], nObsSteps: number) {
    this.#observations = observations;
    this.#nObsSteps = nObsSteps;
    this.values = Object.fromEntries(
      observations.map(({ key, size }) => [key, new Float32Array(nObsSteps * size)]),
    );
  }

  /** The next step begins an episode and stands for those before it. */
  reset(): void {
    this.#isEmpty = true;
  }

  /**
   * Adds the steps that followed the last call, or refuses all of them.
   *
   * @param read the array of a policy key: `[...shape]` for one step, `[steps, ...shape]` for several, oldest first
   * @throws {OmpError} INVALID_OBSERVATION naming the key
   */
  push(read: (key: string) => Packed | undefined): void {
    const arrays = this.#observations.map((spec) => this.#check(spec, read(spec.key)));
    const steps = arrays[0]?.steps ?? 0;
    const odd = arrays.find((array) => array.steps !== steps);
    if (odd !== undefined) {
      throw new OmpError(ErrorCode.InvalidObservation, {
        what: `observation key ${odd.key} has another number of steps`,
        observed: String(odd.steps),
        expected: `${steps}, as ${arrays[0]?.key}`,
      });
    }
    for (const { key, array, size } of arrays) this.#append(key, array, steps, size);
    this.#isEmpty = false;
  }

  #check(
    { key, shape, size }: ObservationSpec,
    value: Packed | undefined,
  ): { key: string; array: NdArray; steps: number; size: number } {
    if (value instanceof NdArray) {
      const sample = value.shape.slice(-shape.length);
      const batch = value.shape.slice(0, -shape.length);
      const steps = batch[0] ?? 1;
      if (sample.join() === shape.join() && batch.length <= 1 && steps > 0) {
        return { key, array: value, steps, size };
      }
    }
    throw new OmpError(ErrorCode.InvalidObservation, {
      what: `observation key ${key} is not what the policy observes`,
      observed: value instanceof NdArray ? `[${value.shape.join(", ")}]` : describe(value),
      expected: `an array [${shape.join(", ")}], or [steps, ${shape.join(", ")}]`,
    });
  }

  #append(key: string, array: NdArray, steps: number, size: number): void {
    const values = this.values[key];
    if (values === undefined) return;
    if (this.#isEmpty) {
      for (let step = 0; step < this.#nObsSteps; step += 1) {
        array.copyTo(values, 0, size, step * size);
      }
    }
    const kept = Math.min(steps, this.#nObsSteps);
    values.copyWithin(0, kept * size);
    array.copyTo(values, (steps - kept) * size, kept * size, (this.#nObsSteps - kept) * size);
  }
}

function describe(value: Packed | undefined): string {
  return value === undefined ? "no such key" : `a ${typeof value}, no array`;
}
