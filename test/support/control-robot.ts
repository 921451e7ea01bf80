/** Control module: the bundled policy on the simulated arm behind the host firmware, all inside the control thread. */
import { readFile } from "node:fs/promises";

import { ControllerLink } from "../../firmware-bridge/src/controller-link.ts";
import { PtyArm } from "../../firmware-bridge/src/testing/pty-arm.ts";
import { JointStateSensor } from "../../sdk/src/joint-state-sensor.ts";
import type { ControlLoopOptions } from "../../sdk/src/options.ts";
import type { CreateLoopParts } from "../../sdk/src/runtime/node/control-module.ts";
import { loadPolicy } from "../../sdk/src/runtime/node/load-policy.ts";
import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";
import { auditPath } from "./path-audit.ts";
import { firmwarePath } from "./pty-robot.ts";
import { repositoryPath } from "./repository.ts";

export interface ControlRobotData {
  readonly pathLog: string;
  readonly admitLog: string;
  readonly options: Partial<ControlLoopOptions>;
}

export const createLoopParts: CreateLoopParts<ControlRobotData> = async (data) => {
  const { pathLog, admitLog, options } = data;
  const clock = new MonotonicClock();
  const policy = await loadPolicy(repositoryPath("models/bundles/so101-push"));
  const worldDirectory = repositoryPath("models/worlds/push");
  const arm = await PtyArm.start({ clock, firmwarePath, worldDirectory, pathLog, admitLog });
  const link = new ControllerLink({ name: arm.name, clock, openTransport: arm.openTransport });
  const description = await link.connect();
  const sensors = [new JointStateSensor(link, description.joints.length), arm.camera];
  return {
    clock,
    policy,
    link,
    description,
    sensors,
    options,
    answers: {
      place: (seed) => arm.place(Number(seed)),
      hasSucceeded: () => arm.camera.latest?.hasSucceeded === true,
      audit: async () => {
        await arm.control("flush");
        return auditPath(await readFile(pathLog), await readFile(admitLog), description.joints);
      },
    },
    close: () => arm.close(),
  };
};
