import type { Manifest } from "./bundle/manifest.ts";
import { asOmpError, ErrorCode, OmpError } from "./errors.ts";
import { createRandom, type RandomStream } from "./random.ts";
import type { BackendInfo, InferenceBackend } from "./runtime/inference-backend.ts";
import { LatencyHistogram } from "./telemetry.ts";
import type { ActionChunk, Observation } from "./types.ts";

/**
 * An observation by hand: every key with `nObsSteps * size` numbers, row-major, oldest step first, physical units; or with
 * the `size` numbers of one sample, which then stands for every step, as at the start of an episode.
 */
export type ObservationInput = Readonly<Record<string, ArrayLike<number>>>;

export interface OmpPolicyParts {
  readonly manifest: Manifest;
  /** Loaded. The policy owns it from here on. */
  readonly backend: InferenceBackend;
  readonly info: BackendInfo;
  /** Of the noise; 0 when left out. */
  readonly seed?: number;
}

const ACTION_OUTPUT = "action";

/** Keeps the noise of episode `seed` apart from the stream that resets the world with the same `seed`. */
const NOISE_SEED_MASK = 0x9e3779b9;

/** Observation in, chunk of actions out, by one evaluation of the network. Made by `loadPolicy`. */
export class OmpPolicy {
  readonly manifest: Manifest;
  readonly info: BackendInfo;
  /** Time of the network evaluation alone. */
  readonly inferenceMs: LatencyHistogram = new LatencyHistogram();
  readonly #backend: InferenceBackend;
  readonly #inputs: ReadonlyMap<string, Float32Array>;
  readonly #outputs: ReadonlyMap<string, Float32Array>;
  readonly #noise: Float32Array;
  readonly #action: Float32Array;
  #random: RandomStream;
  #sequence = 0;
  #isInFlight = false;
  #isClosed = false;

  constructor({ manifest, backend, info, seed = 0 }: OmpPolicyParts) {
    this.manifest = manifest;
    this.info = info;
    this.#backend = backend;
    const { horizon, nObsSteps } = manifest.policy;
    const size = horizon * manifest.action.names.length;
    const { memory } = info;
    this.#noise = memory?.inputs.get(manifest.noise.input) ?? new Float32Array(size);
    this.#action = memory?.outputs.get(ACTION_OUTPUT) ?? new Float32Array(size);
    this.#inputs = new Map([
      ...manifest.observations.map(({ key, size: length }): [string, Float32Array] => [
        key,
        memory?.inputs.get(key) ?? new Float32Array(nObsSteps * length),
      ]),
      [manifest.noise.input, this.#noise],
    ]);
    this.#outputs = new Map([[ACTION_OUTPUT, this.#action]]);
    this.#random = createEpisodeNoise(seed);
  }

  /** Starts the noise of an episode over: equal seeds give equal noise, here and in the Python evaluation. */
  reseed(seed: number): void {
    this.#random = createEpisodeNoise(seed);
  }

  /** An empty chunk of this policy's size, for `act` to fill. */
  createChunk(): ActionChunk {
    const { horizon, actionStartIndex, dtMs } = this.manifest.policy;
    const actionDim = this.manifest.action.names.length;
    return {
      rows: new Float64Array(horizon * actionDim),
      horizon,
      actionDim,
      actionStartIndex,
      dtMs,
      sequence: 0,
      observedAtMs: 0,
      inferenceMs: 0,
    };
  }

  /**
   * One evaluation. The observation is copied before the call returns. One at a time.
   *
   * @param out filled and returned; a new chunk when left out
   * @param noise drawn from instead of the policy's own stream; who serves several episodes at once gives each its own
   * @throws {OmpError} INVALID_OBSERVATION naming the key; INVALID_STATE when closed or still busy; BACKEND_FAILED also
   *   when an action is not finite
   */
  async act(
    observation: Observation | ObservationInput,
    out: ActionChunk = this.createChunk(),
    noise: RandomStream = this.#random,
  ): Promise<ActionChunk> {
    if (this.#isClosed || this.#isInFlight) {
      throw new OmpError(ErrorCode.InvalidState, {
        what: "the policy cannot act",
        observed: this.#isClosed ? "it is closed" : "its last inference is still running",
        expected: "one act at a time, before close",
      });
    }
    if (isObservation(observation)) {
      this.#copyInputs((key) => observation.values.get(key));
      out.observedAtMs = observation.observedAtMs;
    } else {
      this.#refuseUnknownKeys(observation);
      this.#copyInputs((key) => (Object.hasOwn(observation, key) ? observation[key] : undefined));
      out.observedAtMs = 0;
    }
    noise.fillNormal(this.#noise);
    this.#isInFlight = true;
    try {
      out.inferenceMs = await this.#backend.infer(this.#inputs, this.#outputs);
    } catch (error) {
      throw asOmpError(error, ErrorCode.BackendFailed, "the inference failed");
    } finally {
      this.#isInFlight = false;
    }
    this.#copyOutput(out);
    this.inferenceMs.record(out.inferenceMs);
    this.#sequence += 1;
    out.sequence = this.#sequence;
    return out;
  }

  /** Waits for a running inference and releases the backend. Safe twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#backend.close();
  }

  #refuseUnknownKeys(observation: ObservationInput): void {
    const known = this.manifest.observations.map(({ key }) => key);
    const unknown = Object.keys(observation).find((key) => !known.includes(key));
    if (unknown === undefined) return;
    throw new OmpError(ErrorCode.InvalidObservation, {
      what: `the policy has no observation key ${unknown}`,
      expected: known.join(", "),
    });
  }

  #copyInputs(read: (key: string) => ArrayLike<number> | undefined): void {
    for (const { key, size, shape } of this.manifest.observations) {
      const input = this.#inputs.get(key);
      const values = read(key);
      const length = values?.length ?? 0;
      if (
        input === undefined ||
        values === undefined ||
        (length !== size && length !== input.length)
      ) {
        const steps = this.manifest.policy.nObsSteps;
        throw new OmpError(ErrorCode.InvalidObservation, {
          what: `observation key ${key} has a wrong shape`,
          observed: values === undefined ? "no such key" : `${length} numbers`,
          expected: `${steps * size} numbers, row-major [${[steps, ...shape].join(", ")}], or ${size} for one sample`,
        });
      }
      for (let i = 0; i < input.length; i += 1) {
        const value = values[i % length] ?? Number.NaN;
        if (!Number.isFinite(value)) {
          throw new OmpError(ErrorCode.InvalidObservation, {
            what: `observation key ${key} is not finite`,
            observed: `${value} at index ${i}`,
          });
        }
        input[i] = value;
      }
    }
  }

  #copyOutput(out: ActionChunk): void {
    for (let i = 0; i < this.#action.length; i += 1) {
      const value = this.#action[i] ?? Number.NaN;
      if (!Number.isFinite(value)) {
        throw new OmpError(ErrorCode.BackendFailed, {
          what: "the network's output is not finite",
          observed: `${value} in row ${Math.floor(i / out.actionDim)}`,
          next: "Check the observation's units and range against the manifest's statistics.",
        });
      }
      out.rows[i] = value;
    }
  }
}

/** The noise of one episode: equal seeds give equal noise, here and in the Python evaluation. */
export function createEpisodeNoise(seed: number): RandomStream {
  return createRandom(seed ^ NOISE_SEED_MASK);
}

function isObservation(value: Observation | ObservationInput): value is Observation {
  return value["values"] instanceof Map;
}
