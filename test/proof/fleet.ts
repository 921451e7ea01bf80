import { ErrorCode, OmpError } from "../../sdk/src/errors.ts";
import { fuzzCommands } from "../fleet/command-fuzz.ts";
import { crashStore } from "../fleet/store-crash.ts";
import { Mosquitto, mosquittoMissing } from "../support/mosquitto.ts";
import { measureLoad } from "./fleet-load.ts";
import { rollout } from "./fleet-rollout.ts";
import { type Figures, figure, type Proof, type ProofPart } from "./measurement.ts";

const HOSTILE_COMMANDS = 100_000;
const STORE_KILLS = 200;
const LOAD = {
  slowRobots: 1000,
  fastRobots: 100,
  steadyMs: 60_000,
  outageMs: 60_000,
  eventPeriodMs: 5000,
};

const load: ProofPart = {
  title: `${LOAD.slowRobots} robots at 1 Hz and ${LOAD.fastRobots} at 10 Hz against Mosquitto`,
  measure: (say) => measureLoad(LOAD, say),
  rules: (is) => [
    [is("robots") === LOAD.slowRobots + LOAD.fastRobots, "all robots"],
    [is("messages_sent") > 30_000, "messages"],
    [is("messages_lost") === 0, "no acknowledged message lost"],
    [is("messages_duplicated") === 0, "no message twice"],
    [is("outage_events") > 5000, "events around an outage"],
    [is("outage_events_lost") === 0, "every event once in the end"],
  ],
};

const store: ProofPart = {
  title: `a store killed ${STORE_KILLS} times`,
  measure: async () => {
    const outcome = await crashStore(STORE_KILLS, Math.random);
    return {
      store_kills: outcome.kills,
      store_durable: outcome.durable,
      store_lost: outcome.lost,
      store_doubled: outcome.doubled,
      store_garbage: outcome.garbage,
    };
  },
  rules: (is) => [
    [is("store_kills") === STORE_KILLS && is("store_durable") > STORE_KILLS, "a killed store"],
    [is("store_lost") + is("store_doubled") + is("store_garbage") === 0, "an exact store"],
  ],
};

const commands: ProofPart = {
  title: `${HOSTILE_COMMANDS} hostile commands`,
  measure: async (say) => {
    // It lets anybody in: the robot has to refuse by itself.
    const broker = await Mosquitto.startOpen();
    try {
      const seed = Math.floor(Math.random() * 2 ** 31);
      say(`seed ${seed}`);
      const outcome = await fuzzCommands(broker, HOSTILE_COMMANDS, seed, say);
      return {
        hostile_commands: outcome.hostile,
        executed_hostile: outcome.executedHostile,
        good_commands: outcome.good,
        executed_good: outcome.executedGood,
      };
    } finally {
      await broker.close();
    }
  },
  rules: (is) => [
    [is("hostile_commands") >= HOSTILE_COMMANDS, `${HOSTILE_COMMANDS} hostile commands`],
    [is("executed_hostile") === 0, "no hostile command executed"],
    [
      is("good_commands") > 0 && is("executed_good") === is("good_commands"),
      "the good ones executed",
    ],
  ],
};

const parts: readonly ProofPart[] = [commands, store, load, rollout];

/** What a fleet stands on: counts, a crashed broker, crashed stores, hostile commands, rollouts. About half an hour. */
export const fleet: Proof = {
  summary: "1100 robots on Mosquitto, its crash, killed stores, hostile commands, rollouts",

  async measure(say) {
    if (mosquittoMissing !== false) {
      throw new OmpError(ErrorCode.ToolFailed, { what: `no proof: ${mosquittoMissing}` });
    }
    const figures: Record<string, Figures[string]> = {};
    for (const part of parts) {
      say(part.title);
      Object.assign(figures, await part.measure(say));
    }
    return figures;
  },

  judge(figures) {
    const rules = parts.flatMap((part) => part.rules((name) => figure(figures, name)));
    return rules.filter(([holds]) => !holds).map(([, rule]) => rule);
  },
};
