import { ControlLoop, JointStateSensor } from "omp-edge";
import { loadPolicy, MonotonicClock } from "omp-edge/node";
import { SerialLink } from "omp-edge/serial";
import { LoopbackLink, ScriptedSensor } from "omp-edge/testing";

const path = process.argv[2];
const clock = new MonotonicClock();
const policy = await loadPolicy("models/bundles/so101-push");
const { joints } = policy.manifest.action;
const position = [0, -0.3, 0.4, 1.47, 0, 0]; // rad
const link =
  path === undefined
    ? new LoopbackLink(clock, { joints, position })
    : new SerialLink({ clock, path });
const puckAndGoal = new ScriptedSensor(clock, {
  key: "observation.environment_state",
  periodMs: 20,
  sample: () => [0.17, 0.03, 0.19, -0.06], // m
});
const sensors = [new JointStateSensor(link, joints.length), puckAndGoal];
const loop = new ControlLoop({ policy, link, sensors, clock });
loop.on("stateChanged", (state) => console.log(state, loop.fault?.detail ?? ""));
await loop.start();
await new Promise((resolve) => setTimeout(resolve, 5000));
await loop.stop();
await link.close();
await policy.close();
console.log(loop.counters);
