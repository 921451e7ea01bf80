import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { ErrorCode, OmpError } from "../../../sdk/src/errors.ts";
import {
  createPushWorld,
  type PushWorld,
  type PushWorldConfig,
} from "../../../sdk/src/testing/push-world.ts";

interface WorldFile extends PushWorldConfig {
  readonly scene: string;
}

/** `world.json` of a world's directory. */
export async function readWorld(directory: string): Promise<WorldFile> {
  const world: WorldFile = JSON.parse(await readFile(join(directory, "world.json"), "utf8"));
  return world;
}

/**
 * Reads `world.json` and the scene beside it and compiles them.
 *
 * @throws {OmpError} TOOL_FAILED when the physics engine is not installed; INVALID_ARGUMENT when the scene is not usable
 */
export async function loadPushWorld(directory: string): Promise<PushWorld> {
  const engine = await import("@mujoco/mujoco").catch((error: unknown) => {
    throw new OmpError(ErrorCode.ToolFailed, {
      what: "the simulated arm needs the MuJoCo engine",
      next: "Install it with `npm install @mujoco/mujoco@3.14.0`.",
      cause: error,
    });
  });
  const world = await readWorld(directory);
  const sceneXml = await readFile(join(directory, world.scene), "utf8");
  return createPushWorld({ mujoco: await engine.default(), sceneXml, world });
}
