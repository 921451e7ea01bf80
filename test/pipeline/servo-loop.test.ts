import assert from "node:assert/strict";
import { test } from "node:test";

import { ControlLoop, FaultReason, JointStateSensor, OmpPolicy, type LoopState } from "omp-edge";
import { ServoLink, sts3215, xl330M288, type ServoModel } from "omp-edge/servo";
import { FakeBackend, SimulatedServoBus } from "omp-edge/testing";

import { VirtualTime } from "../conformance/virtual-time.ts";
import { advance, evaluateRows, tinyGraph, tinyManifest } from "./tiny-loop.ts";

/** A loop that moves two servos apart, 0.2 rad/s each, in virtual time. */
class ServoLoop {
  readonly time: VirtualTime = new VirtualTime();
  readonly bus: SimulatedServoBus;
  readonly link: ServoLink;
  readonly loop: ControlLoop;
  readonly states: LoopState[] = [];

  private constructor(model: ServoModel, policy: OmpPolicy) {
    const { clock } = this.time;
    const { joints } = tinyManifest.action;
    this.bus = new SimulatedServoBus({
      clock,
      servos: joints.map((_, i) => ({ model, id: i + 1, encoder: 2048 })),
    });
    this.link = new ServoLink({
      clock,
      openTransport: this.bus.openTransport,
      calibration: {
        family: model.family,
        motors: joints.map(({ name }, i) => ({
          joint: name,
          id: i + 1,
          model: model.name,
          homingOffset: 0,
          direction: 1,
          zeroPosition: 2048,
          rangeMin: 1000,
          rangeMax: 3000,
        })),
      },
    });
    const sensors = [new JointStateSensor(this.link, joints.length)];
    this.loop = new ControlLoop({ policy, link: this.link, clock, sensors });
    this.loop.on("stateChanged", (state) => this.states.push(state));
  }

  static async start(model: ServoModel): Promise<ServoLoop> {
    const backend = new FakeBackend({ ...tinyGraph, evaluate: evaluateRows(advance) });
    const info = await backend.load({ bytes: new Uint8Array() });
    const policy = new OmpPolicy({ manifest: tinyManifest, backend, info });
    const robot = new ServoLoop(model, policy);
    await robot.time.run(robot.loop.start());
    return robot;
  }

  position(id: number): number {
    this.bus.settle();
    return this.bus.servo(id).position;
  }
}

for (const model of [sts3215, xl330M288]) {
  test(`the loop drives ${model.name} servos without a starved or refused chunk, and stops`, async () => {
    const robot = await ServoLoop.start(model);
    await robot.time.pass(2000);
    assert.deepEqual(robot.states, ["arming", "holding", "running"]);
    assert.equal(robot.loop.counters.starvations, 0);
    assert.equal(robot.link.counters.trajectoriesRejected, 0);
    assert.ok(robot.position(1) > 2150 && robot.position(2) < 1950, "they moved apart");
    await robot.time.run(robot.loop.stop());
    await robot.time.pass(300);
    const held = robot.position(1);
    await robot.time.pass(500);
    assert.ok(Math.abs(robot.position(1) - held) < 1);
    assert.equal(robot.link.state, "idle");
  });

  test(`a ${model.name} that falls silent faults the loop by name, and rearm goes on`, async () => {
    const robot = await ServoLoop.start(model);
    await robot.time.pass(700);
    robot.bus.trouble(2, { isSilent: true });
    await robot.time.pass(600);
    assert.equal(robot.loop.state, "faulted");
    assert.equal(robot.loop.fault?.reason, FaultReason.ControllerFault);
    assert.match(robot.loop.fault?.detail ?? "", /^BUS.*servo 2/);
    await assert.rejects(robot.time.run(robot.loop.rearm()), { code: "LINK_REFUSED" });
    assert.equal(robot.loop.state, "faulted");
    robot.bus.trouble(2, {});
    await robot.time.pass(100);
    await robot.time.run(robot.loop.rearm());
    await robot.time.pass(500);
    assert.equal(robot.loop.state, "running");
    await robot.time.run(robot.loop.stop());
  });

  test(`a stalled host faults the loop on ${model.name} servos and the arm stays where it stopped`, async () => {
    const robot = await ServoLoop.start(model);
    await robot.time.pass(1000);
    const { clock } = robot.time;
    clock.stallUntil(clock.nowMs() + 700);
    const stopped = robot.position(1);
    await robot.time.pass(500);
    assert.equal(robot.loop.state, "faulted");
    assert.ok(Math.abs(robot.position(1) - stopped) < 3);
    await robot.time.run(robot.loop.stop());
  });
}
