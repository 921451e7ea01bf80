import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";

import { ControllerLink } from "../../firmware-bridge/src/controller-link.ts";
import { toCounts } from "../../firmware-bridge/src/protocol/units.ts";
import { FaultInjector } from "../../firmware-bridge/src/transport/fault-injector.ts";
import type {
  FaultCounts,
  FaultRates,
} from "../../firmware-bridge/src/transport/faulty-direction.ts";
import {
  FirmwareCore,
  firmwareCorePath,
} from "../../firmware-bridge/src/transport/firmware-core.ts";
import { openWasmTransport } from "../../firmware-bridge/src/transport/wasm-transport.ts";
import { createRandom } from "../../sdk/src/random.ts";
import { createTrajectory } from "../../sdk/src/types.ts";
import { VirtualTime } from "../conformance/virtual-time.ts";

const skip = existsSync(firmwareCorePath()) ? false : "the WASM core is not built";

interface Run {
  readonly link: ControllerLink;
  /** Largest change of the first joint's command in a tick, counts. */
  readonly largestStep: number;
  readonly maxVelocity: number;
  readonly travelled: number;
  readonly verdicts: readonly string[];
  readonly faults: Readonly<FaultCounts>;
}

const faultNames = ["bitFlip", "drop", "cut", "duplicate", "stall"] as const;

/** Streams a slow sine in overlapping chunks of 16 waypoints for four seconds through a bad cable. */
async function stream(rates: FaultRates): Promise<Run> {
  const core = await FirmwareCore.load();
  let largestStep = 0;
  let travelled = 0;
  let previous = Number.NaN;
  const time = new VirtualTime(() => {
    core.tick();
    const command = core.command[0] ?? 0;
    if (!Number.isNaN(previous)) {
      largestStep = Math.max(largestStep, Math.abs(command - previous));
      travelled += Math.abs(command - previous);
    }
    previous = command;
  });
  const cable = new FaultInjector(openWasmTransport(core), {
    clock: time.clock,
    random: createRandom(11),
  });
  const link = new ControllerLink({
    name: "wasm core on a bad cable",
    clock: time.clock,
    openTransport: cable.openTransport,
  });
  const verdicts: string[] = [];
  link.on("trajectoryDecided", (_id, verdict) => verdicts.push(verdict));
  const { joints } = await time.run(link.connect());
  await time.run(link.arm(1000));
  const [joint] = joints;
  assert.ok(joint !== undefined);
  previous = Number.NaN;
  const startCommand = core.command.slice();
  const trajectory = createTrajectory(16, joints.length);
  trajectory.dtMs = 20;
  trajectory.count = 16;
  const originMs = time.clock.nowMs();
  const amplitude = joint.maxVelocity / 20;
  cable.setRates(rates);
  for (let chunk = 0; chunk < 25; chunk++) {
    trajectory.id = chunk + 1;
    trajectory.startAtMs = originMs + 100 + chunk * 160;
    for (let row = 0; row < trajectory.count; row++) {
      const seconds = (chunk * 160 + (row + 1) * trajectory.dtMs) / 1000;
      for (let j = 0; j < joints.length; j++) {
        const rest = (startCommand[j] ?? 0) / 1e6;
        const offset = j === 0 ? amplitude * Math.sin(seconds * 4) : 0;
        trajectory.positions[row * joints.length + j] = rest + offset;
      }
    }
    link.send(trajectory);
    for (let ms = 0; ms < 160; ms++) {
      link.heartbeat();
      await time.pass(1);
    }
  }
  cable.setRates({});
  await time.pass(500);
  return {
    link,
    largestStep,
    travelled,
    verdicts,
    maxVelocity: toCounts(joint.maxVelocity),
    faults: cable.counts,
  };
}

test("a clean line accepts every chunk", { skip }, async () => {
  const run = await stream({});
  assert.deepEqual(
    run.verdicts,
    Array.from({ length: 25 }, () => "accepted"),
  );
  assert.equal(run.link.counters.crcErrors, 0);
  assert.equal(run.link.counters.framesMalformed, 0);
});

for (const [name, rates] of Object.entries({
  "flipped bits": { bitFlip: 2e-4 },
  "lost frames": { drop: 0.05 },
  "cut frames": { cut: 0.05 },
  "repeated frames": { duplicate: 0.2 },
  "a line that stalls": { stall: 0.005, stallMs: 120 },
  "all of them, late": {
    bitFlip: 1e-4,
    drop: 0.02,
    cut: 0.02,
    duplicate: 0.02,
    delayMs: 5,
    jitterMs: 10,
  },
})) {
  test(`${name} cost frames and never bend the path`, { skip }, async () => {
    const run = await stream(rates);
    const { counters } = run.link;
    assert.ok(run.largestStep <= run.maxVelocity / 1000 + 1, `${run.largestStep} counts in a tick`);
    assert.ok(run.travelled > 0, "it moved");
    assert.ok(counters.trajectoriesAccepted > 0);
    for (const fault of faultNames.filter((kind) => rates[kind] !== undefined)) {
      assert.ok(run.faults[fault] > 0, `no ${fault} happened`);
    }
    assert.equal(run.verdicts.length, 25, "every trajectory had a verdict");
  });
}
