import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { MessageType } from "../../firmware-bridge/src/protocol/constants.ts";
import { readDescription } from "../../firmware-bridge/src/protocol/controller-messages.ts";
import { writeDescribe } from "../../firmware-bridge/src/protocol/host-messages.ts";
import { toCounts } from "../../firmware-bridge/src/protocol/units.ts";
import { repositoryPath } from "../support/repository.ts";
import { frameVectors } from "./vectors.ts";
import { WasmController } from "./wasm-controller.ts";

interface WorldJoint {
  readonly name: string;
  readonly kind: string;
  /** rad, rad/s, rad/s². */
  readonly min_position: number;
  readonly max_position: number;
  readonly max_velocity: number;
  readonly max_acceleration: number;
}

test("the controller's joints are those of the push world", async () => {
  const path = repositoryPath("models", "worlds", "push", "world.json");
  const world: { readonly joints: readonly WorldJoint[] } = JSON.parse(
    await readFile(path, "utf8"),
  );
  const controller = await WasmController.create();
  controller.hello(frameVectors.session_id);
  controller.takeFrames();
  for (const joint of [...world.joints.keys(), world.joints.length]) {
    controller.post(MessageType.Describe, (out) => writeDescribe(out, joint));
  }
  const described = controller
    .takeFrames()
    .map(({ payload }) => readDescription(new DataView(payload.buffer)))
    .map((joint) => ({
      name: joint.name,
      kind: joint.kind,
      minPosition: joint.minPosition,
      maxPosition: joint.maxPosition,
      maxVelocity: joint.maxVelocity,
      maxAcceleration: joint.maxAcceleration,
    }));
  const expected = world.joints.map((joint) => ({
    name: joint.name,
    kind: joint.kind,
    minPosition: toCounts(joint.min_position),
    maxPosition: toCounts(joint.max_position),
    maxVelocity: toCounts(joint.max_velocity),
    maxAcceleration: toCounts(joint.max_acceleration),
  }));
  assert.deepEqual(described, expected);
});
