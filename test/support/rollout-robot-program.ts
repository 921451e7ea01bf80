/**
 * Robots of a fleet in a process of their own, which can be killed. Started by `RolloutProcess` with one JSON argument; tells
 * `ready` when every robot's arm is driven by what its store has committed.
 */
import { join } from "node:path";

import { loopCommands } from "../../firmware-bridge/src/fleet/loop-commands.ts";
import { RobotTelemetry } from "../../firmware-bridge/src/fleet/robot-telemetry.ts";
import { FaultReason } from "../../sdk/src/faults.ts";
import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";
import { readPublicKey, trustKeys } from "../../sdk/src/runtime/node/signed-bundle/bundle-key.ts";
import type { RobotProgramOptions, RobotProgramRequest } from "./rollout-process.ts";
import { RolloutRobot } from "./rollout-robot.ts";

const options: RobotProgramOptions = JSON.parse(process.argv[2] ?? "{}");
const { folder, publicPem, robotIds, brokerUrl, firstBundle, ...tuning } = options;
const clock = new MonotonicClock();
const trusted = trustKeys([readPublicKey(publicPem)]);

async function startRobot(robotId: string, seed: number): Promise<RolloutRobot> {
  let telemetry: RobotTelemetry | undefined;
  const robot = await RolloutRobot.open({
    ...tuning,
    clock,
    trusted,
    ...(firstBundle && { firstBundle }),
    directory: join(folder, robotId),
    onReport: (report) => telemetry?.bundle(report),
    onPhase: (phase) => process.send?.({ phase }),
  });
  robot.loop.slot.policy.reseed(seed);
  // A busy machine stalls a process for longer than a lease; somebody clears such faults.
  robot.loop.on("faulted", ({ reason }) => {
    if (reason === FaultReason.EmergencyStop) return;
    setTimeout(() => {
      robot.loop.rearm().catch(() => undefined);
    }, 1000);
  });
  const moved = firstTrajectory(robot.loop);
  await robot.loop.start();
  await moved;
  if (brokerUrl !== undefined) {
    telemetry = await RobotTelemetry.connect({
      brokerUrl,
      robotId,
      connectTimeoutMs: 20_000,
      birth: {
        software: "test",
        model: "two joints",
        bundleId: robot.loop.slot.policy.manifest.bundleId,
        bundleHash: robot.store.slots.committed,
        provider: "cpu",
        link: "loopback",
        firmware: "loopback",
        tickHz: tuning.tickHz ?? 100,
        versions: {},
        joints: robot.loop.slot.policy.manifest.action.joints,
      },
      commands: {
        handlers: {
          ...loopCommands(() => robot.loop),
          loadBundle: (bundle, progress) => robot.updater.load(bundle, progress),
        },
      },
    });
    const told = telemetry;
    told.bundle(robot.updater.report);
    setInterval(() => {
      told.heartbeat();
      told.state(robot.loop.state, [0, 0], robot.loop.fault);
    }, 200);
  }
  return robot;
}

/** Resolves when the policy has driven the arm: only then the robot is runnable, and has seen something. */
function firstTrajectory(loop: RolloutRobot["loop"]): Promise<void> {
  return new Promise((resolve) => {
    const unsubscribe = loop.on("trajectorySent", () => {
      unsubscribe();
      resolve();
    });
  });
}

const robots: RolloutRobot[] = [];
robots.push(...(await Promise.all(robotIds.map(startRobot))));
process.on("message", ({ load }: RobotProgramRequest) => {
  const [robot] = robots;
  robot?.updater.load(load).then(
    () => process.send?.({ outcome: "healthy" }),
    (error: unknown) => process.send?.({ outcome: String(error) }),
  );
});
process.send?.({ ready: robots.map(({ store }) => store.slots.committed) });
