import { readFile } from "node:fs/promises";

import { ControlLoop, JointStateSensor } from "omp-edge";
import { loadPolicy, MonotonicClock } from "omp-edge/node";
import { openSerialTransport } from "omp-edge/serial";
import { parseCalibration, ServoLink } from "omp-edge/servo";
import { ScriptedSensor, SimulatedSo101 } from "omp-edge/testing";

const [path, calibrationFile = "calibration.json"] = process.argv.slice(2);
const clock = new MonotonicClock();
const policy = await loadPolicy("models/bundles/so101-push");
const { joints } = policy.manifest.action;
// What a gripper closes on keeps it from following: it is not watched.
const limits = Object.fromEntries(
  joints.map(({ name, maxVelocity, maxAcceleration }) => {
    const followingError = name === "gripper" ? 0 : 0.6; // rad
    return [name, { maxVelocity, maxAcceleration, followingError }];
  }),
);
const simulated = new SimulatedSo101({ clock, pose: [0, -0.3, 0.4, 1.47, 0, 0] }); // rad
const arm =
  path === undefined
    ? { openTransport: simulated.bus.openTransport, calibration: simulated.calibration }
    : {
        openTransport: () => openSerialTransport({ clock, path, stopBits: 1 }),
        calibration: parseCalibration(await readFile(calibrationFile, "utf8"), calibrationFile),
      };
const link = new ServoLink({ clock, ...arm, limits });
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
console.log(loop.counters, link.busCounters);
