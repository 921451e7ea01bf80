import { once } from "node:events";
import { createServer } from "node:net";

import { Aedes } from "aedes";
import { ControlLoop, JointStateSensor } from "omp-edge";
import { FirmwareCore, openWasmTransport } from "omp-edge/firmware";
import { MqttGateway, MqttLink } from "omp-edge/mqtt";
import { loadPolicy, MonotonicClock } from "omp-edge/node";
import { ScriptedSensor } from "omp-edge/testing";

const [url, robotId = "arm-7"] = process.argv.slice(2);
const clock = new MonotonicClock();

/** A broker, the reference firmware, and the gateway between them: what stands beside a real arm. */
async function simulateRobot() {
  const core = await FirmwareCore.load();
  const startMs = clock.nowMs();
  let ticks = 0;
  const drive = setInterval(() => {
    for (; ticks < clock.nowMs() - startMs; ticks += 1) core.tick();
  }, 1);
  const aedes = await Aedes.createBroker();
  const server = createServer(aedes.handle).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const broker = { url: `mqtt://127.0.0.1:${port}` };
  const gateway = new MqttGateway({
    clock,
    broker,
    robotId,
    openTransport: openWasmTransport(core),
  });
  await gateway.start();
  const close = async (): Promise<void> => {
    await gateway.stop();
    clearInterval(drive);
    await new Promise<void>((resolve) => aedes.close(() => resolve()));
    server.close();
  };
  return { broker, close };
}

const robot =
  url === undefined ? await simulateRobot() : { broker: { url }, close: async () => {} };
const policy = await loadPolicy("models/bundles/so101-push");
const link = new MqttLink({ clock, broker: robot.broker, robotId });
const puckAndGoal = new ScriptedSensor(clock, {
  key: "observation.environment_state",
  periodMs: 20,
  sample: () => [0.17, 0.03, 0.19, -0.06], // m
});
const sensors = [new JointStateSensor(link, policy.manifest.action.joints.length), puckAndGoal];
const loop = new ControlLoop({ policy, link, sensors, clock, options: { leaseMs: 300 } });
loop.on("stateChanged", (state) => console.log(state, loop.fault?.detail ?? ""));
await loop.start({ paused: true });
await loop.moveTo([0, -0.3, 0.4, 1.47, 0, 0]); // rad, where the policy's demonstrations begin
loop.restartEpisode();
await new Promise((resolve) => setTimeout(resolve, 5000));
await loop.stop();
await link.close();
await policy.close();
await robot.close();
console.log(loop.counters);
