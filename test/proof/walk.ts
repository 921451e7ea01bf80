import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { numberAt } from "../../models/src/bundle-report.ts";
import { writeFreshRecipe } from "../../models/src/fresh-demonstrations.ts";
import { ErrorCode, OmpError } from "../../sdk/src/errors.ts";
import type { OmpPolicy } from "../../sdk/src/policy.ts";
import { loadPolicy } from "../../sdk/src/runtime/node/load-policy.ts";
import { evaluateTorch } from "../support/evaluate-torch.ts";
import { blockAtRandom, firmwareMissing, PtyRobot } from "../support/pty-robot.ts";
import { repositoryPath } from "../support/repository.ts";
import { VirtualRobot } from "../support/virtual-robot.ts";
import { figure, type Proof } from "./measurement.ts";
import { runTool } from "./python-tool.ts";

const bundle = repositoryPath("models/bundles/so101-push");
const EPISODES = 100;
/** Demonstrations use seeds from 1000000. */
const FIRST_SEED = 0;
const PATH_EPISODES = 5;

/** From demonstrations to moving joints: success, numerical agreement, the executed path, the pulled cable. */
export const walk: Proof = {
  summary: "success of INT8 and PyTorch, fp32 agreement, executed path, unplugged cable",

  async measure(say) {
    if (firmwareMissing !== false) {
      throw new OmpError(ErrorCode.ToolFailed, { what: `no proof: ${firmwareMissing}` });
    }
    const policy = await loadPolicy(bundle, { variant: "int8" });
    try {
      say(`INT8 in TypeScript through the firmware core: ${EPISODES} episodes in virtual time`);
      const successesInt8 = await countSuccesses(policy);
      say(`PyTorch fp32 in the Python world: the same ${EPISODES} seeds`);
      const torch = await evaluateTorch(bundle, FIRST_SEED, EPISODES);
      say("fp32 ONNX against PyTorch on fresh demonstrations");
      const maxAbsDiffFp32 = await measureFp32(policy);
      say(
        `host firmware on a pty, ${PATH_EPISODES} episodes, this thread blocked at random for up to 60 ms`,
      );
      const path = await measurePath(policy);
      say("the same, cable pulled in mid-episode and plugged in again");
      const staleBytes = await measureUnplug(policy);
      return {
        episodes: EPISODES,
        successes_int8: successesInt8,
        successes_torch_fp32: [...torch.values()].filter(Boolean).length,
        max_abs_diff_fp32: maxAbsDiffFp32,
        path_samples: path.samples,
        path_mismatches: path.mismatches,
        stale_bytes_after_unplug: staleBytes,
      };
    } finally {
      await policy.close();
    }
  },

  judge(figures) {
    const int8 = figure(figures, "successes_int8");
    const torch = figure(figures, "successes_torch_fp32");
    const rules: readonly (readonly [boolean, string])[] = [
      [int8 >= 90, "INT8 success of at least 90 of 100"],
      [Math.abs(int8 - torch) <= 2, "INT8 within 2 points of PyTorch fp32"],
      [
        figure(figures, "max_abs_diff_fp32") <= 1e-5,
        "fp32 ONNX within 1e-5 of PyTorch, normalised",
      ],
      [figure(figures, "path_samples") > 0, "a path to compare"],
      [figure(figures, "path_mismatches") === 0, "an executed path equal to the reference"],
      [figure(figures, "stale_bytes_after_unplug") === 0, "no byte of before the unplug after it"],
    ];
    return rules.filter(([holds]) => !holds).map(([, rule]) => rule);
  },
};

async function countSuccesses(policy: OmpPolicy): Promise<number> {
  const robot = await VirtualRobot.start(policy);
  let successes = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + EPISODES; seed += 1) {
    if ((await robot.runEpisode(seed)).hasSucceeded) successes += 1;
  }
  await robot.close();
  return successes;
}

/** Largest difference of an action in network units. */
async function measureFp32({ manifest }: OmpPolicy): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "omp-proof-"));
  try {
    const data = join(folder, "demonstrations.npz");
    await runTool(["collect", "--config", await writeFreshRecipe(manifest, folder), "--out", data]);
    const result = await runTool(["verify", "--bundle", bundle, "--data", data]);
    return numberAt(result, "action_error", "fp32", "max_normalized") ?? Number.NaN;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measurePath(
  policy: OmpPolicy,
): Promise<{ readonly samples: number; readonly mismatches: number }> {
  // A shared machine may add to the blocks; the lease is not what is measured here.
  const robot = await PtyRobot.start(policy, { leaseMs: 1000 });
  const stopBlocking = blockAtRandom(Math.random);
  try {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + PATH_EPISODES; seed += 1) {
      await robot.beginEpisode(seed);
      await robot.until(() => robot.arm.camera.latest?.hasSucceeded === true, 10_000);
    }
    return await robot.audit();
  } finally {
    stopBlocking();
    await robot.close();
  }
}

/** Bytes on the new terminal that are not of a session begun on it. */
async function measureUnplug(policy: OmpPolicy): Promise<number> {
  const robot = await PtyRobot.start(policy);
  try {
    await robot.beginEpisode(FIRST_SEED);
    await robot.until(() => robot.loop.counters.trajectoriesSent >= 2, 10_000);
    await robot.arm.control("unplug");
    await robot.until(() => robot.loop.state === "faulted", 10_000);
    await robot.arm.control("replug");
    await robot.loop.rearm();
    await robot.until(() => robot.arm.camera.latest?.hasSucceeded === true, 15_000);
    const line = await robot.arm.control("rxlog");
    const hasSession = line["has_hello"] === true;
    return (hasSession ? numberAt(line, "stale_bytes") : undefined) ?? Number.NaN;
  } finally {
    await robot.close();
  }
}
