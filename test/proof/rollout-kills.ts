import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { createRandom } from "../../sdk/src/random.ts";
import { verifyBundleDirectory } from "../../sdk/src/runtime/node/signed-bundle/bundle-file.ts";
import { RolloutProcess, type RobotProgramOptions } from "../support/rollout-process.ts";
import { type PackedBundle, SignedBundles } from "../support/signed-bundles.ts";

export interface KillFigures {
  /** Kills during an update or a start. */
  readonly kills: number;
  /** Kills that came too late: the update had just ended. They are not among `kills`. */
  readonly killsAfterUpdate: number;
  /** Kills after which the robot did not start, or started anything but the old or the new bundle. */
  readonly unrunnableAfterKill: number;
  /** Bundle directories found under their name with a byte missing or wrong. */
  readonly halfWritten: number;
  /** Updates that ended well in spite of all. */
  readonly committed: number;
  /** Kills by what the robot was doing. */
  readonly killsByPhase: Readonly<Record<string, number>>;
}

const robotId = "arm";
/** Longer than an update takes: a kill that comes too late says how long. */
const longestUpdateMs = 2200;
/** Phases too short for a random moment of the whole; kills wait for one of them now and then. */
const shortPhases = ["verified", "warmed", "shadow_checked"] as const;
const shortPhaseMs = 10;
const downloadMs = 500;
const paddingBytes = 300_000;

/** Kills a robot's process at `kills` random moments of updates and starts, one after the other, good and bad bundles. */
export async function killRollouts(
  kills: number,
  seed: number,
  say: (line: string) => void = () => undefined,
): Promise<KillFigures> {
  const random = createRandom(seed);
  const bundles = await SignedBundles.create();
  const packed: PackedBundle[] = [];
  const server = await serveSlowly(packed);
  const firstBundle = await bundles.pack({ version: "1.0.0", paddingBytes });
  const options: RobotProgramOptions = {
    folder: bundles.folder,
    publicPem: bundles.pair.publicPem,
    robotIds: [robotId],
    firstBundle,
    shadow: { minObservations: 1 },
    health: { chunks: 3, maxLate: 1000 },
  };
  const figures = { unrunnableAfterKill: 0, halfWritten: 0, committed: 0 };
  const killsByPhase: Record<string, number> = {};
  let updateMs = longestUpdateMs;
  let killed = 0;
  let killsAfterUpdate = 0;
  let allowed = new Set([firstBundle.hash]);
  let robot = await RolloutProcess.start(options);
  try {
    for (let kill = 1; killed < kills; kill += 1) {
      if (kill % 5 === 0) {
        await robot.kill();
        await RolloutProcess.startAndKill(options, random.uniform(50, 1000));
        count(killsByPhase, "starting");
        killed += 1;
      } else {
        const isBad = kill % 4 === 3;
        const next = await bundles.pack({
          version: `1.${kill}.0`,
          gain: isBad ? 0.1 : 0.0005,
          paddingBytes,
        });
        packed.push(next);
        if (!isBad) allowed.add(next.hash);
        const done = robot.load({ bundleHash: next.hash, url: `${server.url}/${next.hash}` });
        const beganMs = performance.now();
        const phase = shortPhases[Math.floor(random.uniform(0, 2 * shortPhases.length))];
        const moment =
          phase === undefined
            ? sleep(random.uniform(0, updateMs))
            : reached(robot, phase, random.uniform(0, shortPhaseMs));
        await Promise.race([moment, done]);
        if (robot.phase === "idle" && performance.now() - beganMs > downloadMs) {
          killsAfterUpdate += 1;
          updateMs = Math.min(updateMs, performance.now() - beganMs);
        } else {
          count(killsByPhase, robot.phase);
          killed += 1;
        }
        await robot.kill();
      }
      figures.halfWritten += await countHalfWritten(options.folder, bundles);
      try {
        robot = await RolloutProcess.start(options);
      } catch (error) {
        figures.unrunnableAfterKill += 1;
        throw error;
      }
      const [committed = ""] = robot.committed;
      if (!allowed.has(committed)) figures.unrunnableAfterKill += 1;
      if (committed === packed.at(-1)?.hash) figures.committed += 1;
      allowed = new Set([committed]);
      if (kill % 20 === 0) say(`${killed} of ${kills} kills, ${JSON.stringify(killsByPhase)}`);
    }
  } finally {
    await robot.kill();
    await server.close();
    await bundles.remove();
  }
  return { kills: killed, killsAfterUpdate, ...figures, killsByPhase };
}

/** Resolves when the robot has said that it is in a phase, and `afterMs` later. */
async function reached(robot: RolloutProcess, phase: string, afterMs: number): Promise<void> {
  for (let waitedMs = 0; robot.phase !== phase && waitedMs < longestUpdateMs; waitedMs += 1) {
    await sleep(1);
  }
  await sleep(afterMs);
}

/** What stands under a bundle's name must be that bundle, whole; and the slots must be readable. */
async function countHalfWritten(folder: string, bundles: SignedBundles): Promise<number> {
  const store = join(folder, robotId);
  JSON.parse(await readFile(join(store, "slots.json"), "utf8"));
  let bad = 0;
  for (const name of await readdir(join(store, "bundles"))) {
    if (!/^[0-9a-f]{64}$/.test(name)) continue;
    const check = verifyBundleDirectory(join(store, "bundles", name), bundles);
    const isWhole = await check.then(
      ({ hash }) => hash === name,
      () => false,
    );
    if (!isWhole) bad += 1;
  }
  return bad;
}

/** A web server that takes its time, and answers ranges, so that kills fall into downloads and downloads are gone on with. */
async function serveSlowly(
  packed: readonly PackedBundle[],
): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  const server = createServer((request, response) => {
    const bundle = packed.find(({ hash }) => request.url === `/${hash}`);
    const answer = async (): Promise<void> => {
      const content = await readFile(bundle?.file ?? "");
      const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
      const isRange = start > 0 && start < content.length;
      response.writeHead(isRange ? 206 : 200, {
        etag: `"${bundle?.hash}"`,
        "content-length": content.length - (isRange ? start : 0),
        ...(isRange && {
          "content-range": `bytes ${start}-${content.length - 1}/${content.length}`,
        }),
      });
      const block = Math.ceil(content.length / 20);
      for (let at = isRange ? start : 0; at < content.length; at += block) {
        response.write(content.subarray(at, at + block));
        await sleep(downloadMs / 20);
      }
      response.end();
    };
    answer().catch(() => response.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function count(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}
