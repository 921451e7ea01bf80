import { JointStateSensor } from "omp-edge";
import { type CreateLoopParts, loadPolicy, MonotonicClock } from "omp-edge/node";
import { SerialLink } from "omp-edge/serial";
import { LoopbackLink, ScriptedSensor } from "omp-edge/testing";

/** Runs inside the control thread: what the loop needs is made there and stays there. */
export const createLoopParts: CreateLoopParts<{ readonly path?: string }> = async ({ path }) => {
  const clock = new MonotonicClock();
  const policy = await loadPolicy("models/bundles/so101-push");
  const { joints } = policy.manifest.action;
  const link =
    path === undefined
      ? new LoopbackLink(clock, { joints, position: [0, -0.3, 0.4, 1.47, 0, 0] }) // rad
      : new SerialLink({ clock, path });
  const puckAndGoal = new ScriptedSensor(clock, {
    key: "observation.environment_state",
    periodMs: 20,
    sample: () => [0.17, 0.03, 0.19, -0.06], // m
  });
  const sensors = [new JointStateSensor(link, joints.length), puckAndGoal];
  return { clock, policy, link, sensors, options: { tickHz: 500 } };
};
