import { runInNewContext } from "node:vm";
import { setFlagsFromString } from "node:v8";

import { MessageType, rowsPerPart } from "../../firmware-bridge/src/protocol/constants.ts";
import { FrameDecoder } from "../../firmware-bridge/src/protocol/frame-decoder.ts";
import { FrameEncoder } from "../../firmware-bridge/src/protocol/frame-encoder.ts";
import { trajBytes } from "../../firmware-bridge/src/protocol/host-messages.ts";
import { quantile } from "../../sdk/cli/tune/take-turns.ts";
import { ActionGuard } from "../../sdk/src/action-guard.ts";
import { ChunkScheduler } from "../../sdk/src/chunk-scheduler.ts";
import { ErrorCode, OmpError } from "../../sdk/src/errors.ts";
import { ObservationBuffer } from "../../sdk/src/observation-buffer.ts";
import type { OmpPolicy } from "../../sdk/src/policy.ts";
import { loadPolicy } from "../../sdk/src/runtime/node/load-policy.ts";
import { OrtSession } from "../../sdk/src/runtime/node/ort-session.ts";
import { repositoryPath } from "../support/repository.ts";
import type { Bench } from "./measurement.ts";

const bundle = repositoryPath("models", "bundles", "so101-push");
const batches = 200;
const runsPerBatch = 200;
/** Few enough that what they leave fits the young generation. */
const acts = 500;
const rounds = 9;
const maxFirstStepRatio = 3;

/** What every chunk costs besides the network, stage by stage, and what a call of the policy leaves on the heap. */
export const stageCost: Bench = {
  summary: "what a chunk costs besides the network, by stage; bytes that a call leaves on the heap",

  async run(say) {
    const policy = await loadPolicy(bundle, { backend: new OrtSession(), tuning: false });
    const figures: Record<string, number> = {};
    const samples: Record<string, readonly number[]> = {};
    for (const [name, work] of Object.entries(stages(policy))) {
      say(`${name.replaceAll("_", " ")}, ${batches} batches of ${runsPerBatch}`);
      const us = timeBatches(work);
      samples[`${name}_us`] = us;
      figures[`${name}_p50_us`] = quantile(us, 0.5);
    }
    say(`${rounds} times ${acts} calls of the policy`);
    const { garbage, kept } = await heapBytesPerAct(policy);
    figures["heap_garbage_bytes_per_act"] = garbage;
    figures["heap_kept_bytes_per_act"] = kept;
    await policy.close();
    return { figures, samples };
  },
};

type Work = (run: number) => void;

/** Every stage of the bundled policy's chunk: six joints, two observation keys. */
function stages(loaded: OmpPolicy): Readonly<Record<string, Work>> {
  const { manifest } = loaded;
  const { policy, action, observations } = manifest;
  const joints = action.joints;
  const { dtMs } = policy;
  const buffer = new ObservationBuffer(manifest);
  const observation = buffer.createObservation();
  const samples = observations.map(({ key, size }) => ({ key, values: new Float64Array(size) }));
  const pushAll = (atMs: number): void => {
    for (const { key, values } of samples) buffer.push(key, values, atMs);
  };
  const scheduler = new ChunkScheduler(policy, joints.length, 5, policy.horizon);
  const guard = new ActionGuard(joints, maxFirstStepRatio);
  const chunk = loaded.createChunk();
  const rest = new Float64Array(joints.length);
  const encoder = new FrameEncoder();
  const decoder = new FrameDecoder(() => undefined);
  const rows = rowsPerPart(joints.length);
  const payload = trajBytes(joints.length, rows);
  const frame = encoder.bytes.slice(0, encoder.finish(MessageType.Traj, 1, payload, 7));
  decoder.seed = 7;
  return {
    push_and_observe: (run) => {
      const atMs = (run + 1) * dtMs;
      pushAll(atMs);
      buffer.observe(atMs, observation);
    },
    schedule_and_guard: () => {
      scheduler.start(0);
      chunk.observedAtMs = scheduler.takeInstant(0);
      const plan = scheduler.schedule(chunk, 0, rest);
      if (plan === undefined || guard.admit(chunk, plan.firstRow, plan.junctionPosition)) {
        throw new OmpError(ErrorCode.Internal, { what: "a chunk at rest was not admitted" });
      }
      guard.enforce(plan.trajectory, plan.junctionPosition, plan.junctionVelocity);
    },
    encode_frame: (run) => {
      encoder.finish(MessageType.Traj, run & 0xff, payload, 7);
    },
    decode_frame: () => {
      decoder.push(frame);
    },
  };
}

/** Time of one run in every batch, us; a single run is shorter than the clock can tell. */
function timeBatches(work: Work): readonly number[] {
  const durationsUs: number[] = [];
  let run = 0;
  for (let batch = -batches; batch < batches; batch += 1) {
    const startMs = performance.now();
    for (let i = 0; i < runsPerBatch; i += 1) work((run += 1));
    // The first half warms up.
    if (batch >= 0) durationsUs.push(((performance.now() - startMs) / runsPerBatch) * 1000);
  }
  return durationsUs;
}

/** What a call of the policy leaves on the heap: until the next collection, and after it. */
async function heapBytesPerAct(
  policy: OmpPolicy,
): Promise<{ readonly garbage: number; readonly kept: number }> {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const observation = Object.fromEntries(
    policy.manifest.observations.map(({ key, size }) => [key, new Float32Array(size)]),
  );
  const chunk = policy.createChunk();
  const act = async (): Promise<void> => {
    for (let i = 0; i < acts; i += 1) await policy.act(observation, chunk);
  };
  await act();
  const garbage: number[] = [];
  const kept: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    collect();
    const before = heapUsed();
    await act();
    garbage.push((heapUsed() - before) / acts);
    collect();
    kept.push((heapUsed() - before) / acts);
  }
  return { garbage: quantile(garbage, 0.5), kept: quantile(kept, 0.5) };
}

function heapUsed(): number {
  return process.memoryUsage().heapUsed;
}
