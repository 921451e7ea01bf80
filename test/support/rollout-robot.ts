import { access } from "node:fs/promises";

import { BundleStore } from "../../firmware-bridge/src/fleet/rollout/bundle-store.ts";
import {
  BundleUpdater,
  type BundleUpdaterOptions,
} from "../../firmware-bridge/src/fleet/rollout/bundle-updater.ts";
import type { Clock } from "../../sdk/src/clock.ts";
import { ControlLoop } from "../../sdk/src/control-loop.ts";
import { JointStateSensor } from "../../sdk/src/joint-state-sensor.ts";
import type { OmpPolicy } from "../../sdk/src/policy.ts";
import { loadPolicy } from "../../sdk/src/runtime/node/load-policy.ts";
import { OrtSession } from "../../sdk/src/runtime/node/ort-session.ts";
import type { TrustedKeys } from "../../sdk/src/runtime/node/signed-bundle/bundle-key.ts";
import { LoopbackLink } from "../../sdk/src/testing/loopback-link.ts";

export interface RolloutRobotOptions extends Omit<
  BundleUpdaterOptions,
  "store" | "loop" | "clock" | "load"
> {
  readonly clock: Clock;
  readonly directory: string;
  readonly trusted: TrustedKeys;
  /** Packed; installed when the store is empty. */
  readonly firstBundle?: { readonly file: string; readonly hash: string };
  readonly tickHz?: number;
  /** Every phase of an update, when it is entered. */
  readonly onPhase?: (phase: string) => void;
}

/** A robot with two ideal joints that runs what its bundle store has committed, in this process. */
export class RolloutRobot {
  readonly store: BundleStore;
  readonly loop: ControlLoop;
  readonly updater: BundleUpdater;
  readonly link: LoopbackLink;

  private constructor(
    store: BundleStore,
    loop: ControlLoop,
    updater: BundleUpdater,
    link: LoopbackLink,
  ) {
    this.store = store;
    this.loop = loop;
    this.updater = updater;
    this.link = link;
  }

  /** @throws what opening the store and the policy throws: the robot is not runnable then */
  static async open(options: RolloutRobotOptions): Promise<RolloutRobot> {
    const {
      clock,
      directory,
      trusted,
      firstBundle,
      tickHz = 100,
      health,
      onPhase,
      ...rest
    } = options;
    const store = await BundleStore.open({ directory, trusted });
    if (store.slots.committed === "" && firstBundle !== undefined) {
      await access(firstBundle.file);
      await store.commit(await store.add(firstBundle.file, firstBundle.hash));
    }
    const policy = await loadInProcess((await store.openCommitted()).directory);
    const { joints } = policy.manifest.action;
    // Many robots share a process: their joint states come only as often as their loops look.
    const link = new LoopbackLink(clock, { joints, statePeriodMs: 1000 / tickHz });
    const sensors = [new JointStateSensor(link, joints.length)];
    // A shared machine may be slow for a while; that is not what these tests are about.
    const patient = { leaseMs: 1000, jointStateTimeoutMs: 10_000, staleFaultMs: 60_000 };
    const loop = new ControlLoop({
      policy,
      link,
      sensors,
      clock,
      options: { ...patient, inferenceTimeoutMs: 60_000, tickHz },
    });
    const updater = new BundleUpdater({
      ...rest,
      health: { maxInferenceMs: Number.MAX_VALUE, ...health },
      store,
      loop,
      clock,
      load: loadInProcess,
      onReport: (report) => {
        onPhase?.(report.phase);
        rest.onReport?.(report);
      },
    });
    return new RolloutRobot(store, loop, updater, link);
  }

  async close(): Promise<void> {
    await this.updater.close();
    await this.loop.stop();
    await this.loop.slot.policy.close();
    await this.link.close();
  }
}

/** The graph is three nodes: a worker for each robot would cost more than all of them together. */
async function loadInProcess(directory: string): Promise<OmpPolicy> {
  return loadPolicy(directory, { backend: new OrtSession() });
}
