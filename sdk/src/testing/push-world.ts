import type { MainModule, MjData, MjModel } from "@mujoco/mujoco";

import { asOmpError, ErrorCode, OmpError } from "../errors.ts";
import { createRandom } from "../random.ts";
import type { Joint, JointKind } from "../types.ts";

/** The parsed `models/worlds/push/world.json`; `models/worlds/push/README.md` says what the keys mean. */
export interface PushWorldConfig {
  readonly dt_ms: number;
  readonly substeps: number;
  readonly max_episode_steps: number;
  readonly joints: readonly {
    readonly name: string;
    readonly kind: string;
    readonly min_position: number;
    readonly max_position: number;
    readonly max_velocity: number;
    readonly max_acceleration: number;
    readonly home: number;
  }[];
  readonly sampling: {
    readonly object_x: readonly number[];
    readonly object_y: readonly number[];
    readonly goal_x: readonly number[];
    readonly goal_y: readonly number[];
    readonly min_separation: number;
  };
  readonly success: { readonly radius: number; readonly dwell_ms: number };
}

export interface PushWorldOptions {
  /** The loaded `@mujoco/mujoco`. */
  readonly mujoco: MainModule;
  /** The text of the scene that `world` names. */
  readonly sceneXml: string;
  readonly world: PushWorldConfig;
}

/**
 * One simulated robot with its task. `models/python/omp_models/worlds/push_world.py` is the same class, step for step.
 *
 * Drive it either by {@link step} (one action a policy period) or by {@link tick} (one command a millisecond). Neither
 * allocates per joint or per tick.
 */
class PushWorld {
  /** In the order of every vector of this world. */
  readonly joints: readonly Joint[];
  /** Joint positions at the start of an episode, rad. */
  readonly home: Float64Array;
  readonly dtMs: number;

  readonly #mujoco: MainModule;
  readonly #model: MjModel;
  readonly #data: MjData;
  readonly #config: PushWorldConfig;
  readonly #jointAddresses: readonly number[];
  readonly #objectAddresses: readonly [number, number];
  readonly #goalAddress: number;
  readonly #dwellTicks: number;

  // Growing WASM memory detaches every view into it, which then has length 0.
  #positions: Float64Array = new Float64Array();
  #velocities: Float64Array = new Float64Array();
  #targets: Float64Array = new Float64Array();
  #goals: Float64Array = new Float64Array();

  readonly #command: Float64Array;
  readonly #start: Float64Array;
  readonly #ramp: Float64Array;
  #ticks = 0;
  #ticksInside = 0;
  #succeeded = false;

  constructor(mujoco: MainModule, model: MjModel, config: PushWorldConfig) {
    this.#mujoco = mujoco;
    this.#model = model;
    this.#config = config;
    this.#data = new mujoco.MjData(model);
    this.joints = config.joints.map((joint) => ({
      name: joint.name,
      kind: jointKind(joint.kind),
      minPosition: joint.min_position,
      maxPosition: joint.max_position,
      maxVelocity: joint.max_velocity,
      maxAcceleration: joint.max_acceleration,
    }));
    this.home = Float64Array.from(config.joints, (joint) => joint.home);
    this.dtMs = config.dt_ms;
    this.#jointAddresses = config.joints.map((joint) => this.#slideOrHinge(joint.name));
    this.#objectAddresses = [this.#slideOrHinge("object_x"), this.#slideOrHinge("object_y")];
    this.#goalAddress = 3 * this.#mocapId("goal");
    this.#dwellTicks = Math.round((config.success.dwell_ms / config.dt_ms) * config.substeps);
    this.#command = new Float64Array(config.joints.length);
    this.#start = new Float64Array(config.joints.length);
    this.#ramp = new Float64Array(config.joints.length);
    this.reset(0);
  }

  /**
   * Arm at home, object and goal drawn from `seed`. Equal seeds give equal episodes in both languages.
   *
   * @param seed any integer; its lowest 32 bits are used
   */
  reset(seed: number): void {
    const { objectXy, goalXy } = drawObjectAndGoal(this.#config, seed);
    this.place(this.home, objectXy, goalXy);
  }

  /**
   * Starts an episode at rest from a chosen state.
   *
   * @param joints one position a joint, rad
   * @param objectXy centre of the object on the table, m
   * @param goalXy centre of the goal on the table, m
   * @throws {OmpError} INVALID_ARGUMENT
   */
  place(joints: ArrayLike<number>, objectXy: ArrayLike<number>, goalXy: ArrayLike<number>): void {
    this.#mujoco.mj_resetData(this.#model, this.#data);
    this.#refreshViews();
    this.#aim(joints);
    this.#jointAddresses.forEach((address, joint) => {
      this.#positions[address] = joints[joint] ?? 0;
    });
    this.#startEpisode(objectXy, goalXy);
  }

  /**
   * Starts an episode with the object and goal of `reset(seed)` while the arm stays as it is, in motion if it moves. The
   * caller first brings the arm above the table: an object placed inside the gripper is thrown out of it.
   */
  placeObjectAndGoal(seed: number): void {
    const { objectXy, goalXy } = drawObjectAndGoal(this.#config, seed);
    this.#refreshViews();
    this.#startEpisode(objectXy, goalXy);
  }

  /**
   * Ramps the command from the last one to `action` over one policy period.
   *
   * @param action one position a joint, rad
   * @throws {OmpError} INVALID_ARGUMENT
   */
  step(action: ArrayLike<number>): void {
    this.#requireJoints(action);
    const { substeps } = this.#config;
    this.#start.set(this.#command);
    for (let k = 1; k <= substeps; k += 1) {
      for (let joint = 0; joint < this.#ramp.length; joint += 1) {
        const start = this.#start[joint] ?? 0;
        this.#ramp[joint] = start + ((action[joint] ?? 0) - start) * (k / substeps);
      }
      this.tick(this.#ramp);
    }
  }

  /**
   * One physics step of 1 ms, which is one tick of the motor controller.
   *
   * @param command the servos' targets, one position a joint, rad
   * @throws {OmpError} INVALID_ARGUMENT
   */
  tick(command: ArrayLike<number>): void {
    this.#refreshViews();
    this.#aim(command);
    this.#mujoco.mj_step(this.#model, this.#data);
    this.#ticks += 1;
    const inside = this.distanceToGoal() <= this.#config.success.radius;
    this.#ticksInside = inside ? this.#ticksInside + 1 : 0;
    this.#succeeded ||= this.#ticksInside >= this.#dwellTicks;
  }

  /** Copies measured joint positions, rad. */
  readJoints(out: Float64Array | Float32Array): void {
    this.#refreshViews();
    this.#copy(this.#positions, out);
  }

  /** Copies measured joint velocities, rad/s. */
  readVelocities(out: Float64Array | Float32Array): void {
    this.#refreshViews();
    // Every joint has one degree of freedom, so positions and velocities share their addresses.
    this.#copy(this.#velocities, out);
  }

  /** Copies the last command, rad. */
  readCommand(out: Float64Array | Float32Array): void {
    out.set(this.#command);
  }

  /** Copies the centre of the object on the table, x and y, m. */
  readObject(out: Float64Array | Float32Array, offset: number = 0): void {
    this.#refreshViews();
    out[offset] = this.#positions[this.#objectAddresses[0]] ?? 0;
    out[offset + 1] = this.#positions[this.#objectAddresses[1]] ?? 0;
  }

  /** Copies the centre of the goal on the table, x and y, m. */
  readGoal(out: Float64Array | Float32Array, offset: number = 0): void {
    this.#refreshViews();
    out[offset] = this.#goals[this.#goalAddress] ?? 0;
    out[offset + 1] = this.#goals[this.#goalAddress + 1] ?? 0;
  }

  /** Copies object x, y, goal x, y, m: the key `observation.environment_state`. */
  readEnvironment(out: Float64Array | Float32Array): void {
    this.readObject(out, 0);
    this.readGoal(out, 2);
  }

  /** Distance between the centres of object and goal, m. */
  distanceToGoal(): number {
    this.#refreshViews();
    const [x, y] = this.#objectAddresses;
    const dx = (this.#positions[x] ?? 0) - (this.#goals[this.#goalAddress] ?? 0);
    const dy = (this.#positions[y] ?? 0) - (this.#goals[this.#goalAddress + 1] ?? 0);
    return Math.sqrt(dx * dx + dy * dy);
  }

  /** Whether the object has stayed on the goal for the dwell. Once true, true until the next episode. */
  isSuccess(): boolean {
    return this.#succeeded;
  }

  /** Whether the episode has ended, by success or by its longest length. */
  isOver(): boolean {
    return this.#succeeded || this.steps >= this.#config.max_episode_steps;
  }

  /** Whole policy periods since the episode began. */
  get steps(): number {
    return Math.floor(this.#ticks / this.#config.substeps);
  }

  /** Contacts of the gripper's pins with the object in the last physics step. */
  get contacts(): number {
    return this.#data.ncon;
  }

  /** Frees the engine's memory. The world is not used afterwards. */
  dispose(): void {
    this.#data.delete();
    this.#model.delete();
  }

  #startEpisode(objectXy: ArrayLike<number>, goalXy: ArrayLike<number>): void {
    this.#objectAddresses.forEach((address, axis) => {
      this.#positions[address] = objectXy[axis] ?? 0;
      this.#velocities[address] = 0;
      this.#goals[this.#goalAddress + axis] = goalXy[axis] ?? 0;
    });
    this.#goals[this.#goalAddress + 2] = 0;
    this.#mujoco.mj_forward(this.#model, this.#data);
    this.#ticks = 0;
    this.#ticksInside = 0;
    this.#succeeded = false;
  }

  #aim(command: ArrayLike<number>): void {
    this.#requireJoints(command);
    this.#command.set(command);
    this.#targets.set(this.#command);
  }

  #requireJoints(values: ArrayLike<number>): void {
    if (values.length === this.joints.length) return;
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: "a vector does not fit the world's joints",
      observed: `${values.length} values`,
      expected: `${this.joints.length}`,
    });
  }

  #copy(source: Float64Array, out: Float64Array | Float32Array): void {
    for (let joint = 0; joint < this.#jointAddresses.length; joint += 1) {
      out[joint] = source[this.#jointAddresses[joint] ?? 0] ?? 0;
    }
  }

  #refreshViews(): void {
    if (this.#positions.length > 0) return;
    this.#positions = this.#data.qpos;
    this.#velocities = this.#data.qvel;
    this.#targets = this.#data.ctrl;
    this.#goals = this.#data.mocap_pos;
  }

  /** Address of a joint of one degree of freedom in `qpos` and `qvel`. */
  #slideOrHinge(name: string): number {
    const id = this.#find(this.#mujoco.mjtObj.mjOBJ_JOINT.value, name);
    const addresses: Int32Array = this.#model.jnt_qposadr;
    return addresses[id] ?? 0;
  }

  #mocapId(name: string): number {
    const id = this.#find(this.#mujoco.mjtObj.mjOBJ_BODY.value, name);
    const ids: Int32Array = this.#model.body_mocapid;
    return ids[id] ?? 0;
  }

  #find(type: number, name: string): number {
    const id = this.#mujoco.mj_name2id(this.#model, type, name);
    if (id >= 0) return id;
    throw new OmpError(ErrorCode.InvalidArgument, { what: `the scene has no "${name}"` });
  }
}

export type { PushWorld };

/**
 * Compiles the scene and resets it with seed 0.
 *
 * @throws {OmpError} INVALID_ARGUMENT when the scene does not compile or lacks what `world` names
 *
 * @example
 * import loadMujoco from "@mujoco/mujoco";
 * const world = createPushWorld({ mujoco: await loadMujoco(), sceneXml, world: JSON.parse(worldJson) });
 */
export function createPushWorld(options: PushWorldOptions): PushWorld {
  const { mujoco, sceneXml, world } = options;
  let model: MjModel;
  try {
    model = mujoco.MjModel.from_xml_string(sceneXml);
  } catch (error) {
    throw asOmpError(error, ErrorCode.InvalidArgument, "the scene does not compile");
  }
  return new PushWorld(mujoco, model, world);
}

function drawObjectAndGoal(
  config: PushWorldConfig,
  seed: number,
): { objectXy: readonly [number, number]; goalXy: readonly [number, number] } {
  const { sampling } = config;
  const stream = createRandom(seed);
  const draw = (range: readonly number[]): number => stream.uniform(range[0] ?? 0, range[1] ?? 0);
  for (;;) {
    const objectXy = [draw(sampling.object_x), draw(sampling.object_y)] as const;
    const goalXy = [draw(sampling.goal_x), draw(sampling.goal_y)] as const;
    const dx = goalXy[0] - objectXy[0];
    const dy = goalXy[1] - objectXy[1];
    if (dx * dx + dy * dy >= sampling.min_separation ** 2) return { objectXy, goalXy };
  }
}

function jointKind(kind: string): JointKind {
  if (kind === "revolute" || kind === "prismatic") return kind;
  throw new OmpError(ErrorCode.InvalidArgument, {
    what: "world.json has a joint of unknown kind",
    observed: kind,
    expected: "revolute or prismatic",
  });
}
