import { ControllerLink } from "../../firmware-bridge/src/controller-link.ts";
import { readWorld } from "../../firmware-bridge/src/testing/load-world.ts";
import { WasmArm } from "../../firmware-bridge/src/testing/wasm-arm.ts";
import { ControlLoop } from "../../sdk/src/control-loop.ts";
import type { ControlLoopParts } from "../../sdk/src/loop-parts.ts";
import { JointStateSensor } from "../../sdk/src/joint-state-sensor.ts";
import type { OmpPolicy } from "../../sdk/src/policy.ts";
import { ManualClock } from "../../sdk/src/testing/manual-clock.ts";
import { repositoryPath } from "./repository.ts";

export interface VirtualEpisode {
  readonly seed: number;
  readonly hasSucceeded: boolean;
  readonly durationMs: number;
}

export interface VirtualRobotOptions {
  readonly clock?: ManualClock;
  readonly worldDirectory?: string;
  readonly loop?: Pick<ControlLoopParts, "options" | "handover" | "guard">;
  /** Resolves when time may go on; when no inference is running, by default. */
  readonly computed?: () => Promise<void>;
}

/**
 * The whole pipeline in virtual time: policy in its worker, guard, scheduler, link, the firmware core in WebAssembly, physics. An
 * inference takes no virtual time, so what comes out does not depend on the machine's speed.
 */
export class VirtualRobot {
  readonly clock: ManualClock;
  readonly arm: WasmArm;
  readonly link: ControllerLink;
  readonly loop: ControlLoop;
  readonly #home: readonly number[];
  readonly #maxEpisodeMs: number;
  readonly #computed: () => Promise<void>;

  private constructor(parts: {
    clock: ManualClock;
    arm: WasmArm;
    link: ControllerLink;
    loop: ControlLoop;
    home: readonly number[];
    maxEpisodeMs: number;
    computed: () => Promise<void>;
  }) {
    this.clock = parts.clock;
    this.arm = parts.arm;
    this.link = parts.link;
    this.loop = parts.loop;
    this.#home = parts.home;
    this.#maxEpisodeMs = parts.maxEpisodeMs;
    this.#computed = parts.computed;
  }

  /** Armed and paused at home. */
  static async start(
    policy: OmpPolicy,
    {
      clock = new ManualClock(1000),
      worldDirectory = repositoryPath("models/worlds/push"),
      loop: loopParts = {},
      computed,
    }: VirtualRobotOptions = {},
  ): Promise<VirtualRobot> {
    const world = await readWorld(worldDirectory);
    const arm = await WasmArm.start({ clock, worldDirectory });
    const link = new ControllerLink({ name: arm.name, clock, openTransport: arm.openTransport });
    const sensors = [new JointStateSensor(link, world.joints.length), arm.camera];
    const loop = new ControlLoop({ policy, link, sensors, clock, ...loopParts });
    const robot = new VirtualRobot({
      clock,
      arm,
      link,
      loop,
      home: world.joints.map(({ home }) => home),
      maxEpisodeMs: world.max_episode_steps * world.dt_ms,
      computed: computed ?? (async () => loop.settled()),
    });
    await robot.settle(loop.start({ paused: true }));
    return robot;
  }

  /** Lets `ms` pass. */
  async pass(ms: number): Promise<void> {
    for (let step = 0; step < ms; step += 1) {
      this.clock.advanceBy(1);
      await this.#computed();
      // Chains of promises between link, loop and caller run to their end before time goes on.
      await new Promise(setImmediate);
    }
  }

  /** Lets time pass until `promise` settles. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    const progress = { isSettled: false };
    const settled = (): void => {
      progress.isSettled = true;
    };
    promise.then(settled, settled);
    while (!progress.isSettled) await this.pass(1);
    return promise;
  }

  /**
   * One episode of `seed`, from home to success or the end of its time.
   *
   * @param onTick called after every ms of it
   */
  async runEpisode(seed: number, onTick: () => void = () => undefined): Promise<VirtualEpisode> {
    await this.settle(this.loop.moveTo(this.#home));
    await this.arm.place(seed);
    this.loop.restartEpisode({ seed });
    const startedAtMs = this.clock.nowMs();
    for (;;) {
      for (let ms = 0; ms < 10; ms += 1) {
        await this.pass(1);
        onTick();
      }
      if (this.loop.fault !== undefined) {
        throw new Error(
          `seed ${seed}: the loop faulted: ${this.loop.fault.reason}: ${this.loop.fault.detail}`,
        );
      }
      const durationMs = this.clock.nowMs() - startedAtMs;
      const hasSucceeded = this.arm.camera.latest?.hasSucceeded === true;
      if (hasSucceeded || durationMs >= this.#maxEpisodeMs)
        return { seed, hasSucceeded, durationMs };
    }
  }

  async close(): Promise<void> {
    await this.settle(this.loop.stop());
    await this.settle(this.link.close());
    await this.arm.close();
  }
}
