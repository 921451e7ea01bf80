import { ACTION_KEY, type Manifest, TimeInput } from "./bundle/manifest.ts";
import { asOmpError, ErrorCode, OmpError } from "./errors.ts";
import { createRandom, type RandomStream } from "./random.ts";
import type { BackendInfo, InferenceBackend } from "./runtime/inference-backend.ts";
import { ChunkNoise } from "./sampling/chunk-noise.ts";
import { ChunkSpread } from "./sampling/chunk-spread.ts";
import { networkUnits } from "./sampling/network-units.ts";
import { requireSamplingOptions, type SamplingOptions } from "./sampling/sampling-options.ts";
import { WarmStart } from "./sampling/warm-start.ts";
import { LatencyHistogram } from "./telemetry.ts";
import type { ActionChunk, Observation } from "./types.ts";

/**
 * An observation by hand: every key with `nObsSteps * size` numbers, row-major, oldest step first, physical units; or with
 * the `size` numbers of one sample, which then stands for every step, as at the start of an episode.
 */
export type ObservationInput = Readonly<Record<string, ArrayLike<number>>>;

export interface OmpPolicyParts extends SamplingOptions {
  readonly manifest: Manifest;
  /** Loaded, for `warmStartTau` with the graph whose times are inputs. The policy owns it from here on. */
  readonly backend: InferenceBackend;
  readonly info: BackendInfo;
  /** Of the noise; 0 when left out. */
  readonly seed?: number;
}

/** Keeps the noise of episode `seed` apart from the stream that resets the world with the same `seed`. */
const NOISE_SEED_MASK = 0x9e3779b9;
/** Keeps further samples apart from the first, so that drawing them does not change the motion. */
const SPREAD_SEED_MASK = 0x85ebca6b;

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
  readonly #chunkNoise: ChunkNoise;
  readonly #warmStart: WarmStart | undefined;
  readonly #startTime: Float32Array = Float32Array.of(1);
  readonly #spread: ChunkSpread | undefined;
  readonly #spreadSamples: number;
  #random: RandomStream;
  #spreadRandom: RandomStream;
  /** Changes with every interruption, so that a chunk of before it is not started from. */
  #motion = 0;
  #sequence = 0;
  #isInFlight = false;
  #isClosed = false;

  /** @throws {OmpError} INVALID_ARGUMENT for a sampling option that is out of range or that the graph cannot do */
  constructor({ manifest, backend, info, seed = 0, ...sampling }: OmpPolicyParts) {
    requireSamplingOptions(sampling);
    this.manifest = manifest;
    this.info = info;
    this.#backend = backend;
    const { horizon, nObsSteps, actionStartIndex, leadSteps, nActionSteps, dtMs } = manifest.policy;
    const size = horizon * manifest.action.names.length;
    const { memory } = info;
    this.#noise = memory?.inputs.get(manifest.noise.input) ?? new Float32Array(size);
    this.#action = memory?.outputs.get(ACTION_KEY) ?? new Float32Array(size);
    const inputs = new Map([
      ...manifest.observations.map(({ key, size: length }): [string, Float32Array] => [
        key,
        memory?.inputs.get(key) ?? new Float32Array(nObsSteps * length),
      ]),
      [manifest.noise.input, this.#noise],
    ]);
    this.#inputs = inputs;
    this.#outputs = new Map([[ACTION_KEY, this.#action]]);
    const { noise = "seeded", warmStartTau: tau, spreadSamples = 1 } = sampling;
    this.#chunkNoise = new ChunkNoise(noise, size);
    this.#spreadSamples = spreadSamples;
    if (spreadSamples > 1) {
      const { scale } = networkUnits(manifest);
      this.#spread = new ChunkSpread(actionStartIndex + leadSteps, nActionSteps, scale);
    }
    if (tau !== undefined) {
      requireTimeInputs(info);
      this.#warmStart = new WarmStart({ tau, units: networkUnits(manifest), horizon, dtMs });
      inputs.set(TimeInput.From, this.#startTime).set(TimeInput.To, Float32Array.of(0));
    }
    this.#random = createEpisodeNoise(seed);
    this.#spreadRandom = createRandom(seed ^ SPREAD_SEED_MASK);
  }

  /** Starts the noise of an episode over: equal seeds give equal noise, here and in the Python evaluation. */
  reseed(seed: number): void {
    this.#random = createEpisodeNoise(seed);
    this.#spreadRandom = createRandom(seed ^ SPREAD_SEED_MASK);
    this.#chunkNoise.reset();
    this.interrupt();
  }

  /** The motion was broken off: the next chunk does not start from the last one. */
  interrupt(): void {
    this.#motion += 1;
    this.#warmStart?.forget();
  }

  /** An `act` follows at once: its worker wakes up while the observation is got ready. */
  prepare(): void {
    this.#backend.prepare?.();
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
   * One evaluation, or `spreadSamples`. The observation is copied before the call returns. One at a time.
   *
   * @param out filled and returned; a new chunk when left out
   * @param noise drawn from instead of the policy's own stream, always anew and without warm start; who serves several
   *   episodes at once gives each its own
   * @throws {OmpError} INVALID_OBSERVATION naming the key; INVALID_STATE when closed or still busy; BACKEND_FAILED also
   *   when an action is not finite
   */
  async act(
    observation: Observation | ObservationInput,
    out: ActionChunk = this.createChunk(),
    noise?: RandomStream,
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
    if (noise === undefined) this.#chunkNoise.fill(this.#noise, this.#random);
    else noise.fillNormal(this.#noise);
    const isOfMotion = noise === undefined && isObservation(observation);
    const instantMs = isOfMotion ? out.observedAtMs : Number.NaN;
    const motion = this.#motion;
    this.#isInFlight = true;
    try {
      out.inferenceMs = await this.#evaluate(instantMs);
      out.rows.set(this.#action);
      // The chunk may have been another policy's before.
      if (this.#spread === undefined) delete out.spread;
      else await this.#measureSpread(this.#spread, instantMs, out);
    } finally {
      this.#isInFlight = false;
    }
    if (motion === this.#motion) this.#warmStart?.remember(out.rows, instantMs);
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

  /** From the noise as it is; returns the time of the evaluation. */
  async #evaluate(instantMs: number): Promise<number> {
    this.#startTime[0] = this.#warmStart?.mix(this.#noise, instantMs) ?? 1;
    let ms: number;
    try {
      ms = await this.#backend.infer(this.#inputs, this.#outputs);
    } catch (error) {
      throw asOmpError(error, ErrorCode.BackendFailed, "the inference failed");
    }
    this.#requireFinite();
    return ms;
  }

  async #measureSpread(spread: ChunkSpread, instantMs: number, out: ActionChunk): Promise<void> {
    spread.reset();
    spread.add(this.#action);
    for (let sample = 1; sample < this.#spreadSamples; sample += 1) {
      this.#spreadRandom.fillNormal(this.#noise);
      out.inferenceMs += await this.#evaluate(instantMs);
      spread.add(this.#action);
    }
    out.spread = spread.value;
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

  #requireFinite(): void {
    const dim = this.manifest.action.names.length;
    for (let i = 0; i < this.#action.length; i += 1) {
      const value = this.#action[i] ?? Number.NaN;
      if (Number.isFinite(value)) continue;
      throw new OmpError(ErrorCode.BackendFailed, {
        what: "the network's output is not finite",
        observed: `${value} in row ${Math.floor(i / dim)}`,
        next: "Check the observation's units and range against the manifest's statistics.",
      });
    }
  }
}

/** The noise of one episode: equal seeds give equal noise, here and in the Python evaluation. */
export function createEpisodeNoise(seed: number): RandomStream {
  return createRandom(seed ^ NOISE_SEED_MASK);
}

/** The graph must be the one whose times are inputs. */
function requireTimeInputs(info: BackendInfo): void {
  const names = info.inputs.map(({ name }) => name);
  if (names.includes(TimeInput.From) && names.includes(TimeInput.To)) return;
  throw new OmpError(ErrorCode.InvalidArgument, {
    what: "the policy cannot start warm: its graph does not take times",
    observed: `inputs ${names.join(", ")}`,
    expected: `${TimeInput.From} and ${TimeInput.To} among them`,
    next: "Load it by loadPolicy with warmStartTau, from a bundle with the variant tau.",
  });
}

function isObservation(value: Observation | ObservationInput): value is Observation {
  return value["values"] instanceof Map;
}
