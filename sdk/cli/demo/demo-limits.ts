import { readFile } from "node:fs/promises";

import { parseRobotModel } from "../../src/kinematics/parse-robot-model.ts";
import type { GuardOptions } from "../../src/loop-parts.ts";

/** The push task happens in 0.13 to 0.21 m before the arm and 0.11 m to each side; the tool works 4 mm above the table. */
const TABLE_TOP = { min: [0.08, -0.18, 0], max: [0.28, 0.18, 0.3] } as const;

/** An arm that nothing holds back lags about 20 ms behind its command: below 0.05 rad in this task. */
const MAX_FOLLOWING_ERROR_RAD = 0.3;

/**
 * What the demo's guard keeps besides the limits of bundle and controller: the tool and the wrist over the table, and a command that the
 * arm follows. The gripper has no following limit: it closes on things.
 *
 * @param scene path of the world's MJCF file
 */
export async function demoLimits(scene: string): Promise<GuardOptions> {
  const model = parseRobotModel(await readFile(scene, "utf8"));
  const following = { maxFollowingError: MAX_FOLLOWING_ERROR_RAD };
  return {
    workspace: { model, frames: ["tool", "wrist"], ...TABLE_TOP },
    limits: {
      shoulder_pan: following,
      shoulder_lift: following,
      elbow_flex: following,
      wrist_flex: following,
      wrist_roll: following,
    },
  };
}
