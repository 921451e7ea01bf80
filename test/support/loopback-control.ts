/** Control module: a policy on an ideal arm, which notes what it was told where another thread or process can read it. */
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { JointStateSensor } from "../../sdk/src/joint-state-sensor.ts";
import type { CreateLoopParts } from "../../sdk/src/runtime/node/control-module.ts";
import { loadPolicy } from "../../sdk/src/runtime/node/load-policy.ts";
import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";
import { LoopbackLink } from "../../sdk/src/testing/loopback-link.ts";
import { repositoryPath } from "./repository.ts";

export interface LoopbackControlData {
  /** File to which every stop is appended, one a line. */
  readonly log: string;
}

const observation = { "observation.state": [0, 0] };

export const createLoopParts: CreateLoopParts<LoopbackControlData> = async ({ log }) => {
  const clock = new MonotonicClock();
  const policy = await loadPolicy(repositoryPath("test/vectors/tiny-policy"));
  const { joints } = policy.manifest.action;
  let answered = 0;
  const note = (line: string): void => {
    appendFileSync(log, `${line}\n`);
  };

  class NotingLink extends LoopbackLink {
    override hold(): void {
      note("hold");
      super.hold();
    }
    override emergencyStop(): void {
      note(`emergency stop after ${answered} answers`);
      super.emergencyStop();
    }
    override async disarm(): Promise<void> {
      note("disarm");
      await super.disarm();
    }
    override async close(): Promise<void> {
      await super.close();
      note("closed");
    }
  }

  const link = new NotingLink(clock, { joints });
  return {
    clock,
    policy,
    link,
    sensors: [new JointStateSensor(link, joints.length)],
    // A busy machine is not what is tested.
    options: { jointStateTimeoutMs: 10_000, staleFaultMs: 60_000, leaseMs: 1000 },
    answers: {
      act: async () => Array.from((await policy.act(observation)).rows),
      /** Keeps an inference running from now on. */
      inferAlways: () => {
        void (async () => {
          for (;;) await policy.act(observation);
        })().catch(() => note("inference refused"));
      },
      busy: (ms) => {
        const endMs = clock.nowMs() + Number(ms);
        while (clock.nowMs() < endMs);
        answered += 1;
      },
      crash: () => {
        setTimeout(() => {
          JSON.parse("a bug of the module");
        });
      },
      sleep: async (ms) => sleep(Number(ms)),
    },
    close: async () => {
      note("module closed");
      return Promise.resolve();
    },
  };
};
