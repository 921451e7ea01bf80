import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";

import { ControllerLink } from "../../firmware-bridge/src/controller-link.ts";
import { TrajectoryReference } from "../../firmware-bridge/src/protocol/trajectory-reference.ts";
import { tickDifference, toCounts } from "../../firmware-bridge/src/protocol/units.ts";
import {
  FirmwareCore,
  firmwareCorePath,
  type PathEvent,
} from "../../firmware-bridge/src/transport/firmware-core.ts";
import { openWasmTransport } from "../../firmware-bridge/src/transport/wasm-transport.ts";
import { createRandom } from "../../sdk/src/random.ts";
import { createJointState, createTrajectory } from "../../sdk/src/types.ts";
import { VirtualTime } from "../conformance/virtual-time.ts";

const skip = existsSync(firmwareCorePath()) ? false : "the WASM core is not built";

/** Follows a core tick by tick and counts where it is not where the reference says. */
class PathCheck {
  samples = 0;
  mismatches = 0;
  commits = 0;
  readonly #core: FirmwareCore;
  readonly #events: PathEvent[] = [];
  #reference: TrajectoryReference | undefined;
  #unwrapped = 0;
  #wire = 0;

  constructor(core: FirmwareCore) {
    this.#core = core;
    core.onPathEvent((event) => this.#events.push(event));
  }

  /** After each tick of the core. Events of a tick shape the commands after it. */
  tick(joints: ConstructorParameters<typeof TrajectoryReference>[0]): void {
    const { now, command } = this.#core;
    this.#unwrapped += tickDifference(now, this.#wire);
    this.#wire = now;
    this.#reference ??= new TrajectoryReference(joints, 1000, this.#unwrapped, command);
    // A lease that ends brakes inside the tick, before the command of the next one.
    this.#reference.advanceTo(this.#unwrapped);
    this.#compare();
    for (const event of this.#events.splice(0)) this.#apply(event, this.#reference);
  }

  #compare(): void {
    const { command } = this.#core;
    this.#reference?.command.forEach((position, joint) => {
      this.samples++;
      if (position !== command[joint]) this.mismatches++;
    });
  }

  #apply(event: PathEvent, reference: TrajectoryReference): void {
    const atTick = this.#unwrapped + tickDifference(event.tick, this.#wire);
    const t0 = this.#unwrapped + tickDifference(event.t0, this.#wire);
    if (event.kind === "enable") reference.enable(atTick, event.rows);
    else if (event.kind === "brake") reference.brake(atTick);
    else {
      this.commits++;
      reference.commit(atTick, t0, event.dt, event.rows);
    }
  }
}

test(
  "the executed path is the reference's, tick by tick, while the host stalls, holds and is cut off",
  { skip },
  async () => {
    const core = await FirmwareCore.load({ startTick: 2 ** 32 - 5000 });
    const check = new PathCheck(core);
    const random = createRandom(5);
    const time = new VirtualTime(() => {
      core.tick();
      if (joints.length > 0) check.tick(joints);
    });
    const joints: { minPosition: number; maxPosition: number; maxAcceleration: number }[] = [];
    const link = new ControllerLink({
      name: "wasm core",
      clock: time.clock,
      openTransport: openWasmTransport(core),
    });
    const verdicts = new Map<string, number>();
    link.on("trajectoryDecided", (_id, verdict) => {
      verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
    });
    const description = await time.run(link.connect());
    for (const joint of description.joints) {
      joints.push({
        minPosition: toCounts(joint.minPosition),
        maxPosition: toCounts(joint.maxPosition),
        maxAcceleration: toCounts(joint.maxAcceleration),
      });
    }
    await time.pass(1);
    const trajectory = createTrajectory(16, description.joints.length);
    trajectory.dtMs = 20;
    trajectory.count = 16;
    /** Every motion is a sine that starts where the arm last rested. */
    const rest = createJointState(trajectory.jointCount);
    let restMs = 0;
    const originMs = time.clock.nowMs();
    for (let chunk = 0; chunk < 100; chunk++) {
      if (link.state === "faulted") await time.run(link.clearFault());
      if (link.state === "idle") await time.run(link.arm(150));
      trajectory.id = chunk + 1;
      trajectory.startAtMs = originMs + 100 + chunk * 160;
      if (link.state === "armed") {
        assert.ok(link.readJointState(rest));
        restMs = trajectory.startAtMs - trajectory.dtMs;
      }
      for (let i = 0; i < trajectory.positions.length; i++) {
        const joint = i % trajectory.jointCount;
        const row = Math.floor(i / trajectory.jointCount);
        const seconds = (trajectory.startAtMs + row * trajectory.dtMs - restMs) / 1000;
        trajectory.positions[i] =
          (rest.command[joint] ?? 0) + 0.05 * Math.sin(seconds * (joint + 1));
      }
      link.send(trajectory);
      const event = random.uniform(0, 1);
      const stallAt = Math.floor(random.uniform(0, 100));
      for (let ms = 0; ms < 160; ms++) {
        // A blocked host neither writes nor reads; a cut line is a stall longer than the lease.
        const isStalled = ms >= stallAt && ms < stallAt + (event < 0.1 ? 160 : 60);
        if (!isStalled) link.heartbeat();
        if (event > 0.95 && ms === stallAt) link.hold();
        await time.pass(1);
      }
      if (event > 0.1 && event < 0.15) {
        core.unplug();
        await time.pass(50);
        await time.run(link.connect());
      }
    }
    await time.pass(1000);
    assert.ok(check.commits > 50, `${check.commits} chunks were committed`);
    assert.ok((verdicts.get("accepted") ?? 0) > 50);
    assert.equal(check.mismatches, 0, `of ${check.samples} samples`);
    assert.ok(check.samples > 90_000);
  },
);
