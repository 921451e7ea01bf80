/** Control module: the bundled policy, fed by joint states and a scripted camera, on a controller that is given. */
import { writeHeapSnapshot } from "node:v8";

import { SerialLink } from "../../firmware-bridge/src/serial.ts";
import { JointStateSensor } from "../../sdk/src/joint-state-sensor.ts";
import { type Pacer, TickInstants } from "../../sdk/src/pacer.ts";
import type { CreateLoopParts } from "../../sdk/src/runtime/node/control-module.ts";
import { loadPolicy } from "../../sdk/src/runtime/node/load-policy.ts";
import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";
import { ThreadPacer } from "../../sdk/src/runtime/node/thread-pacer.ts";
import { LoopbackLink } from "../../sdk/src/testing/loopback-link.ts";
import { ScriptedSensor } from "../../sdk/src/testing/scripted-sensor.ts";
import { repositoryPath } from "./repository.ts";

export interface StreamingControlData {
  readonly tickHz: number;
  /** Of the controller's terminal; an ideal arm in this thread when left out. */
  readonly path?: string;
}

/** rad; in reach of the policy's first chunk. */
export const streamingHome: readonly number[] = [0, -0.3, 0.4, 1.47, 0, 0];
const puckAndGoal = [0.17, 0.03, 0.19, -0.06]; // m

/** Keeps how late each of the next ticks begins. */
class NotingPacer implements Pacer {
  readonly #pacer: ThreadPacer;
  readonly #clock: MonotonicClock;
  #lateUs: number[] = [];
  #count = 0;
  #whenFull: (lateUs: readonly number[]) => void = () => undefined;

  constructor(clock: MonotonicClock) {
    this.#clock = clock;
    this.#pacer = new ThreadPacer(clock);
  }

  get latenessMs(): ThreadPacer["latenessMs"] {
    return this.#pacer.latenessMs;
  }

  start(periodMs: number, tick: (skipped: number) => void): void {
    const instants = new TickInstants();
    // Before the pacer's own origin: what is noted is rather too much than too little.
    instants.begin(this.#clock.nowMs(), periodMs);
    this.#pacer.start(periodMs, (skipped) => {
      const nowMs = this.#clock.nowMs();
      const lateUs = (nowMs - instants.dueMs) * 1000;
      instants.take(nowMs);
      if (this.#lateUs.length < this.#count && this.#lateUs.push(lateUs) === this.#count) {
        this.#whenFull(this.#lateUs);
      }
      tick(skipped);
    });
  }

  stop(): void {
    this.#pacer.stop();
  }

  next(count: number): Promise<readonly number[]> {
    this.#lateUs = [];
    this.#count = count;
    return new Promise((resolve) => {
      this.#whenFull = resolve;
    });
  }
}

export const createLoopParts: CreateLoopParts<StreamingControlData> = async ({ tickHz, path }) => {
  const clock = new MonotonicClock();
  const policy = await loadPolicy(repositoryPath("models/bundles/so101-push"));
  const { joints } = policy.manifest.action;
  const link =
    path === undefined
      ? new LoopbackLink(clock, { joints, position: streamingHome })
      : new SerialLink({ clock, path });
  const camera = new ScriptedSensor(clock, {
    key: "observation.environment_state",
    periodMs: 20,
    sample: () => puckAndGoal,
  });
  const pacer = new NotingPacer(clock);
  return {
    clock,
    policy,
    link,
    sensors: [new JointStateSensor(link, joints.length), camera],
    pacer,
    // A busy machine is what is measured, not a reason to stop.
    options: {
      tickHz,
      leaseMs: 1000,
      staleFaultMs: 60_000,
      jointStateTimeoutMs: 10_000,
      inferenceTimeoutMs: 10_000,
    },
    answers: {
      lateUs: async (count) => pacer.next(Number(count)),
      writeHeapSnapshot: (file) => writeHeapSnapshot(String(file)),
    },
  };
};
