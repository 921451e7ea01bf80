import { ErrorCode, OmpError } from "../../../sdk/src/errors.ts";
import { createEpisodeNoise, type OmpPolicy } from "../../../sdk/src/policy.ts";
import type { RandomStream } from "../../../sdk/src/random.ts";
import type { ActionChunk } from "../../../sdk/src/types.ts";
import type { KeyMap } from "./key-map.ts";
import type { Packed, PackedMap } from "./msgpack-numpy.ts";
import { NdArray } from "./nd-array.ts";
import { ObservationHistory } from "./observation-history.ts";

/** Keys of a message that are not observations. */
export const RESET_KEY = "reset";
export const SEED_KEY = "seed";

/** What one client and its episodes need besides the policy, which all clients share. */
export class EpisodeSession {
  readonly #policy: OmpPolicy;
  readonly #keyMap: KeyMap;
  readonly #history: ObservationHistory;
  readonly #chunk: ActionChunk;
  #nextSeed: number;
  #noise: RandomStream;

  /** @param firstSeed of the noise of the first episode; every reset without a seed takes the next one */
  constructor(policy: OmpPolicy, keyMap: KeyMap, firstSeed: number) {
    const { observations, policy: spec } = policy.manifest;
    this.#policy = policy;
    this.#keyMap = keyMap;
    this.#history = new ObservationHistory(observations, spec.nObsSteps);
    this.#chunk = policy.createChunk();
    this.#noise = createEpisodeNoise(firstSeed);
    this.#nextSeed = firstSeed + 1;
  }

  /** The key in a client's message of every observation, in the order of the manifest. */
  clientKey(policyKey: string): string {
    return this.#keyMap.get(policyKey) ?? policyKey;
  }

  /**
   * One message to one answer. Keys the policy does not observe are ignored, as openpi clients send a `prompt`.
   *
   * @returns `actions`, float32 `[horizon - actionStartIndex, actionDim]` in physical units: row j is to be reached j + 1
   *   steps after the newest observation; and the time of the evaluation, ms
   * @throws {OmpError} INVALID_OBSERVATION, BACKEND_FAILED
   */
  async infer(message: Packed): Promise<{ actions: NdArray; inferMs: number }> {
    const fields = requireMap(message);
    this.#begin(fields);
    this.#history.push((key) => fields.get(this.clientKey(key)));
    const chunk = await this.#policy.act(this.#history.values, this.#chunk, this.#noise);
    const rows = chunk.rows.subarray(chunk.actionStartIndex * chunk.actionDim);
    const shape = [chunk.horizon - chunk.actionStartIndex, chunk.actionDim];
    return { actions: NdArray.fromFloat32(rows, shape), inferMs: chunk.inferenceMs };
  }

  #begin(fields: PackedMap): void {
    const reset = fields.get(RESET_KEY) ?? false;
    const seed = fields.get(SEED_KEY) ?? this.#nextSeed;
    const isSeed = typeof seed === "number" && Number.isSafeInteger(seed);
    if (typeof reset !== "boolean" || !isSeed || (!reset && fields.has(SEED_KEY))) {
      throw new OmpError(ErrorCode.InvalidObservation, {
        what: "the message does not begin an episode in a way this server knows",
        observed: [RESET_KEY, SEED_KEY].filter((key) => fields.has(key)).join(" and "),
        expected: `${RESET_KEY} true or false, and an integer ${SEED_KEY} only with ${RESET_KEY} true`,
      });
    }
    if (!reset) return;
    this.#history.reset();
    this.#noise = createEpisodeNoise(seed);
    this.#nextSeed = seed + 1;
  }
}

function requireMap(message: Packed): PackedMap {
  if (message instanceof Map) return message;
  throw new OmpError(ErrorCode.InvalidObservation, {
    what: "the message is no map",
    expected: "a map of observation keys to arrays",
  });
}
