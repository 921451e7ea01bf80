import { join } from "node:path";

import {
  type Contender,
  localContender,
  quantile,
  takeTurns,
  type Turns,
} from "../../sdk/cli/tune/take-turns.ts";
import type { GoldenCase } from "../../sdk/src/bundle/golden.ts";
import { loadBundle, type PolicyBundle } from "../../sdk/src/bundle/load-bundle.ts";
import { ErrorCode, isOmpError, OmpError } from "../../sdk/src/errors.ts";
import type { InferenceBackend, TensorInfo } from "../../sdk/src/runtime/inference-backend.ts";
import { FileBundleReader } from "../../sdk/src/runtime/node/file-bundle-reader.ts";
import { type LoadPolicyOptions, loadPolicy } from "../../sdk/src/runtime/node/load-policy.ts";
import { OrtSession } from "../../sdk/src/runtime/node/ort-session.ts";
import { OrtWebSession } from "../../sdk/src/runtime/web/ort-web-session.ts";
import { findPython } from "../../models/src/python-environment.ts";
import { repositoryPath } from "../support/repository.ts";
import { type RandomNetwork, randomBundle } from "./bench-cache.ts";
import { ChildContender } from "./child-contender.ts";
import type { Bench, BenchReport } from "./measurement.ts";
import { nativeGraphSkip, startNativeGraph } from "./native-graph.ts";

/** A bundle on disk, the graphs beside it and one set of inputs of its size. */
interface Subject {
  readonly folder: string;
  readonly bundle: PolicyBundle;
  readonly example: GoldenCase;
}

type Start = (subject: Subject) => Promise<Contender>;

export type Way =
  | "policy"
  | "policy_fp32"
  | "policy_this_thread"
  | "c_api"
  | "onnxruntime_web"
  | "onnxruntime_plain"
  | "torch_eager"
  | "ddim10"
  | "ddim10_folded";

const threads = 1;
const pushBundle = repositoryPath("models", "bundles", "so101-push");

/** The ways to get a chunk that are compared. */
const ways: Readonly<Record<Way, Start>> = {
  /** The whole call of a user: checks, copies, noise, the worker and back. */
  policy: async (subject) => startPolicy("policy", subject),
  policy_fp32: async (subject) => startPolicy("policy_fp32", subject, { variant: "fp32" }),
  /** The same call without the worker. */
  policy_this_thread: async (subject) =>
    startPolicy("policy_this_thread", subject, { backend: new OrtSession() }),
  c_api: startCApi,
  onnxruntime_web: async ({ bundle, example }) =>
    startGraph(
      "onnxruntime_web",
      new OrtWebSession(),
      join(bundle.location, bundle.variant.file),
      example,
    ),
  torch_eager: startTorch,
  onnxruntime_plain: async ({ folder, example }) =>
    startGraph("onnxruntime_plain", new OrtSession(), join(folder, "plain.onnx"), example),
  ddim10: async ({ folder, example }) =>
    startGraph("ddim10", new OrtSession(), join(folder, "ddim10.onnx"), example),
  ddim10_folded: async ({ folder, example }) =>
    startGraph("ddim10_folded", new OrtSession(), join(folder, "ddim10.folded.onnx"), example),
};

/** What one network is measured with. */
export interface InferencePlan {
  /** `push` is the bundle of this repository, and the only one that needs no PyTorch. */
  readonly network: RandomNetwork | "push";
  /** Files beside the bundle that the ways need. */
  readonly graphs: readonly string[];
  readonly ways: readonly Way[];
  readonly turns: Turns;
}

/** Durations by way, us. Ways that this machine lacks are left out, and it is said why. */
export async function measureWays(
  { network, graphs, ways: wanted, turns }: InferencePlan,
  say: (line: string) => void,
): Promise<Readonly<Record<string, readonly number[]>>> {
  const isOurs = network === "push";
  const folder = isOurs ? pushBundle : await randomBundle(network, graphs, say);
  const reader = new FileBundleReader(isOurs ? pushBundle : join(folder, "bundle"));
  const bundle = await loadBundle(reader);
  const [example] = bundle.golden.cases;
  if (example === undefined) {
    throw new OmpError(ErrorCode.Internal, { what: "a bundle without golden cases" });
  }
  const present = wanted.filter((way) => way !== "c_api" || nativeGraphSkip === undefined);
  if (present.length < wanted.length) say(`without the bare C API: ${nativeGraphSkip}`);
  const contenders: Contender[] = [];
  try {
    for (const way of present) contenders.push(await ways[way]({ folder, bundle, example }));
    say(`${network}: ${present.join(", ")} take turns, ${turns.rounds} rounds of ${turns.runs}`);
    return Object.fromEntries(await takeTurns(contenders, turns));
  } finally {
    for (const contender of contenders) await contender.close();
  }
}

async function startPolicy(
  name: string,
  { bundle, example }: Subject,
  options: LoadPolicyOptions = {},
): Promise<Contender> {
  const policy = await loadPolicy(bundle.location, { tuning: false, ...options });
  const observation = Object.fromEntries(
    policy.manifest.observations.map(({ key }) => [key, example.inputs.get(key) ?? []]),
  );
  const chunk = policy.createChunk();
  return localContender(
    name,
    async () => policy.act(observation, chunk),
    async () => policy.close(),
  );
}

async function startGraph(
  name: string,
  backend: InferenceBackend,
  path: string,
  example: GoldenCase,
): Promise<Contender> {
  const info = await backend.load({ path });
  const outputs = new Map(info.outputs.map(({ name: key, shape }) => [key, buffer(shape)]));
  return localContender(
    name,
    async () => backend.infer(example.inputs, outputs),
    async () => backend.close(),
  );
}

/** @throws {OmpError} INTERNAL when the C program's answer is not that of this runtime: it would not be the same graph */
async function startCApi({ bundle, example }: Subject): Promise<Contender> {
  const model = join(bundle.location, bundle.variant.file);
  const backend = new OrtSession();
  const { inputs, outputs } = await backend.load({ path: model });
  const [output] = outputs;
  if (output === undefined)
    throw new OmpError(ErrorCode.Internal, { what: "a graph without output" });
  const expected = buffer(output.shape);
  await backend.infer(example.inputs, new Map([[output.name, expected]]));
  await backend.close();
  const graph = { model, threads, inputs, output, values: example.inputs };
  const check = startNativeGraph(graph);
  await check.run(1);
  const answer = await check.finish();
  await check.close();
  const difference = Math.max(...answer.map((value, i) => Math.abs(value - (expected[i] ?? NaN))));
  if (!(difference <= 1e-6)) {
    throw new OmpError(ErrorCode.Internal, {
      what: "the C program does not compute what this runtime computes",
      observed: `a difference of ${difference}`,
    });
  }
  return startNativeGraph(graph);
}

async function startTorch({ bundle }: Subject): Promise<Contender> {
  const { executable, variables } = await findPython();
  const checkpoint = join(bundle.location, "checkpoint.safetensors");
  const args = ["-m", "omp_models.torch_latency", "--checkpoint", checkpoint];
  return new ChildContender("torch_eager", executable, args, variables);
}

function buffer(shape: TensorInfo["shape"]): Float32Array {
  return new Float32Array(shape.reduce((product, one) => product * one, 1));
}

const plans: readonly InferencePlan[] = [
  {
    network: "push",
    graphs: [],
    ways: ["c_api", "policy", "policy_this_thread", "onnxruntime_web"],
    turns: { rounds: 40, runs: 20, warmUpRuns: 3 },
  },
  {
    network: "small",
    graphs: ["plain"],
    ways: [
      "c_api",
      "policy",
      "policy_this_thread",
      "onnxruntime_web",
      "onnxruntime_plain",
      "torch_eager",
    ],
    turns: { rounds: 30, runs: 10, warmUpRuns: 3 },
  },
  {
    network: "full",
    graphs: ["ddim10", "ddim10.folded"],
    ways: ["c_api", "policy", "policy_fp32", "torch_eager", "ddim10", "ddim10_folded"],
    turns: { rounds: 12, runs: 3, warmUpRuns: 1 },
  },
];

/** What one chunk costs here, in every way a user could get it. */
export const inference: Bench = {
  summary: "one chunk: this path, the bare C API, PyTorch eager, onnxruntime-web, 10-step DDIM",

  async run(say) {
    const figures: Record<string, number> = {};
    const samples: Record<string, readonly number[]> = {};
    for (const plan of plans) {
      let measured: Awaited<ReturnType<typeof measureWays>>;
      try {
        measured = await measureWays(plan, say);
      } catch (error) {
        if (!isOmpError(error, "TOOL_FAILED")) throw error;
        say(`${plan.network} skipped: ${error.message}`);
        continue;
      }
      for (const [way, durationsUs] of Object.entries(measured)) {
        samples[`${plan.network}_${way}_us`] = durationsUs;
        figures[`${plan.network}_${way}_p50_ms`] = quantile(durationsUs, 0.5) / 1000;
      }
      Object.assign(figures, ratios(plan.network, measured));
    }
    return { figures, samples };
  },
};

/** Medians over that of the policy call, or, where a way is this path's own, the call over the bare C API. */
function ratios(
  network: string,
  measured: Readonly<Record<string, readonly number[]>>,
): BenchReport["figures"] {
  const p50 = (way: Way): number => quantile(measured[way] ?? [], 0.5);
  const pairs: readonly (readonly [Way, Way])[] = [
    ["policy", "c_api"],
    ["policy_this_thread", "c_api"],
    ["torch_eager", "policy"],
    ["onnxruntime_web", "policy"],
    ["onnxruntime_plain", "policy"],
    ["ddim10", "policy"],
    ["ddim10_folded", "policy_fp32"],
  ];
  return Object.fromEntries(
    pairs
      .filter(([one, other]) => measured[one] !== undefined && measured[other] !== undefined)
      .map(([one, other]) => [`${network}_${one}_vs_${other}_p50`, p50(one) / p50(other)]),
  );
}
