import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { parseManifest } from "../../src/bundle/manifest.ts";
import { ArmModels, type ShapeLine } from "./arm-shape.ts";

const root = fileURLToPath(new URL(".", import.meta.resolve("omp-edge/package.json")));
const scene = join(root, "models/worlds/push/scene.xml");
const manifest = parseManifest(
  await readFile(join(root, "models/bundles/so101-push/manifest.json"), "utf8"),
);

function tipOf(lines: readonly ShapeLine[]): readonly number[] {
  return lines.at(-1)?.slice(3) ?? [];
}

test("an arm is drawn from its base on, and turns with its joints", async () => {
  const models = await ArmModels.read(new Map([["so101", scene]]));
  const { joints } = manifest.action;
  const shape = models.shape("so101", joints);
  assert.ok(shape !== undefined);
  const positions = new Float64Array(joints.length);
  const straight = shape.lines(positions);
  assert.ok(straight.length >= joints.length - 1, `${straight.length} lines`);
  assert.deepEqual(straight[0]?.slice(0, 3), [0, 0, 0], "the first line begins at the base");
  const ends = new Set(straight.map((line) => line.slice(3).join()));
  for (const line of straight.slice(1)) {
    const from = line.slice(0, 3).join();
    assert.ok(from === "0,0,0" || ends.has(from), "a line hangs on another");
  }
  positions[joints.findIndex(({ name }) => name === "shoulder_pan")] = Math.PI / 2;
  const turned = shape.lines(positions);

  const [x = 0, y = 0, z = 0] = tipOf(straight);
  const [turnedX = 0, turnedY = 0, turnedZ = 0] = tipOf(turned);
  assert.ok(Math.abs(Math.hypot(x, y) - Math.hypot(turnedX, turnedY)) < 0.05);
  assert.ok(Math.hypot(x - turnedX, y - turnedY) > 0.1, "the tip moved");
  assert.ok(Math.abs(z - turnedZ) < 1e-3);
});

test("a robot of another model or with other joints is drawn as nothing, and breaks nothing", async () => {
  const models = await ArmModels.read(new Map([["so101", scene]]));
  assert.equal(models.shape("ur5", manifest.action.joints), undefined);
  assert.deepEqual(models.shape("so101", [])?.lines(new Float64Array()), []);
  await assert.rejects(ArmModels.read(new Map([["x", join(root, "package.json")]])), {
    code: "ROBOT_MODEL_INVALID",
  });
});
