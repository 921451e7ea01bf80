/**
 * A robot's process that costs next to nothing: the real loop, guard, scheduler and telemetry on an ideal arm, with a policy that swings
 * both joints. Arguments: broker URL, robot id. Ends on SIGINT.
 */
import { ControlLoop, createJointState, JointStateSensor, OmpPolicy } from "omp-edge";
import { loopCommands, RobotTelemetry } from "omp-edge/fleet";
import { MonotonicClock } from "omp-edge/node";
import { FakeBackend, LoopbackLink } from "omp-edge/testing";

import { metrics } from "../fleet/fleet-fixture.ts";
import { evaluateRows, tinyGraph, tinyManifest } from "../pipeline/tiny-loop.ts";

const [brokerUrl = "", robotId = ""] = process.argv.slice(2);
const clock = new MonotonicClock();
const swing = evaluateRows(([a], row) => {
  const next = 0.2 * Math.sin(clock.nowMs() / 500 + row / 10);
  const step = Math.min(0.01 * row, Math.abs(next - a));
  const target = a + Math.sign(next - a) * step;
  return [target, -target];
});
const backend = new FakeBackend({ ...tinyGraph, evaluate: swing });
const info = await backend.load({ bytes: new Uint8Array() });
const policy = new OmpPolicy({ manifest: tinyManifest, backend, info });
const link = new LoopbackLink(clock, { joints: tinyManifest.action.joints });
const description = await link.connect();
// A machine that runs tests is slow at times; what is shown here is not how fast a loop faults.
const options = { leaseMs: 1000, jointStateTimeoutMs: 10_000, staleFaultMs: 60_000 };
const sensors = [new JointStateSensor(link, 2)];
const loop = new ControlLoop({ policy, link, description, sensors, clock, options });
const telemetry = await RobotTelemetry.connect({
  brokerUrl,
  robotId,
  commands: { handlers: loopCommands(() => loop, { allowRearm: true }) },
  birth: {
    software: "omp-edge test",
    model: "swing",
    bundleId: tinyManifest.bundleId,
    bundleHash: "5e".repeat(32),
    provider: info.activeProvider,
    link: description.name,
    firmware: description.firmware,
    tickHz: 100,
    versions: { node: process.version },
    joints: description.joints,
  },
});
await loop.start();
const state = createJointState(2);
const reporting = setInterval(() => {
  link.readJointState(state);
  telemetry.heartbeat();
  telemetry.state(loop.state, state.position, loop.fault);
  telemetry.metrics({ ...metrics, inferences: loop.counters.inferences });
}, 50);
async function end(): Promise<void> {
  clearInterval(reporting);
  await loop.stop();
  await telemetry.close();
  await link.close();
}

process.on("SIGINT", () => void end());
