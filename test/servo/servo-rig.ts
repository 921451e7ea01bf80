import assert from "node:assert/strict";

import {
  ServoLink,
  type ArmCalibration,
  type ServoLinkOptions,
  type ServoModel,
} from "../../firmware-bridge/src/servo/index.ts";
import {
  SimulatedServoBus,
  type SimulatedServoOptions,
} from "../../firmware-bridge/src/testing/index.ts";
import type { LinkState, TrajectoryVerdict } from "../../sdk/src/actuator-link.ts";
import { createJointState, createTrajectory, type JointState } from "../../sdk/src/types.ts";
import { VirtualTime } from "../conformance/virtual-time.ts";

export const jointNames = ["shoulder", "elbow", "wrist"] as const;

/** Three joints from 800 to 3300 steps, 0 rad in the middle of a turn. */
export function calibrationOf(model: ServoModel): ArmCalibration {
  return {
    family: model.family,
    motors: jointNames.map((joint, i) => ({
      joint,
      id: i + 1,
      model: model.name,
      homingOffset: 0,
      direction: 1,
      zeroPosition: 2048,
      rangeMin: 800,
      rangeMax: 3300,
    })),
  };
}

/** A link to three simulated servos, in virtual time. */
export class ServoRig {
  readonly time: VirtualTime = new VirtualTime();
  readonly bus: SimulatedServoBus;
  readonly link: ServoLink;
  readonly states: LinkState[] = [];
  readonly details: string[] = [];
  readonly verdicts: TrajectoryVerdict[] = [];

  constructor(
    model: ServoModel,
    options: Partial<ServoLinkOptions> = {},
    servo: Partial<SimulatedServoOptions> = {},
  ) {
    const { clock } = this.time;
    this.bus = new SimulatedServoBus({
      clock,
      servos: jointNames.map((_, i) => ({ model, id: i + 1, encoder: 2048, ...servo })),
    });
    this.link = new ServoLink({
      clock,
      openTransport: this.bus.openTransport,
      calibration: calibrationOf(model),
      ...options,
    });
    this.link.on("stateChanged", (state, detail) => {
      this.states.push(state);
      this.details.push(detail);
    });
    this.link.on("trajectoryDecided", (_, verdict) => {
      this.verdicts.push(verdict);
    });
  }

  async connectAndArm(leaseMs = 1000): Promise<void> {
    await this.time.run(this.link.connect());
    await this.time.run(this.link.arm(leaseMs));
    assert.equal(this.link.state, "armed");
  }

  /** Lets time pass with heartbeats until `isTrue`. */
  async until(what: string, isTrue: () => boolean, limitMs = 5000): Promise<void> {
    const deadlineMs = this.time.clock.nowMs() + limitMs;
    while (!isTrue()) {
      if (this.time.clock.nowMs() > deadlineMs) {
        assert.fail(`no ${what}: ${this.link.state}, ${this.details.join("; ")}`);
      }
      this.link.heartbeat();
      await this.time.pass(1);
    }
  }

  async passAlive(ms: number): Promise<void> {
    const endMs = this.time.clock.nowMs() + ms;
    await this.until("end", () => this.time.clock.nowMs() >= endMs, ms + 1);
  }

  jointState(): JointState {
    const state = createJointState(jointNames.length);
    assert.ok(this.link.readJointState(state));
    return state;
  }

  /** Sends a motion of one joint at `velocity` rad/s for `count` times 20 ms. */
  move(joint: number, velocity: number, count = 20): void {
    const { command } = this.jointState();
    const trajectory = createTrajectory(count, jointNames.length);
    trajectory.id = 1;
    trajectory.startAtMs = this.time.clock.nowMs() + 60;
    trajectory.dtMs = 20;
    trajectory.count = count;
    for (let row = 0; row < count; row++) {
      for (let j = 0; j < jointNames.length; j++) {
        const distance = j === joint ? velocity * 0.02 * Math.min(row + 1, count - 1) : 0;
        trajectory.positions[row * jointNames.length + j] = (command[j] ?? 0) + distance;
      }
    }
    assert.ok(this.link.send(trajectory));
  }

  async close(): Promise<void> {
    await this.time.run(this.link.close());
  }
}
