import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";

import type {
  ActuatorLink,
  LinkDescription,
  LinkState,
  TrajectoryVerdict,
} from "../../sdk/src/actuator-link.ts";
import { createJointState, createTrajectory, type Trajectory } from "../../sdk/src/types.ts";

/** One controller and the link to it, and the time both live in. */
export interface LinkFixture {
  readonly link: ActuatorLink;
  nowMs(): number;
  /** Lets time pass: virtual time by exactly `ms`, real time by at least as much. */
  pass(ms: number): Promise<void>;
  /** The line is cut while the controller runs on. */
  unplug(): Promise<void>;
  /** The line is whole again. */
  replug(): Promise<void>;
  close(): Promise<void>;
}

const dtMs = 20;
const longLeaseMs = 1000;
/** One count is 1e-6. */
const twoCounts = 2.1e-6;

/**
 * The contract of {@link ActuatorLink} as tests. Every implementation runs them against a controller that is at rest, in idle, and whose
 * joints follow their commands.
 *
 * @param skip why it cannot run here, or undefined
 */
export function testActuatorLink(
  name: string,
  create: () => Promise<LinkFixture>,
  skip?: string,
): void {
  describe(`ActuatorLink: ${name}`, { skip: skip ?? false }, () => {
    let fixture: LinkFixture;
    let probe: LinkProbe;

    beforeEach(async () => {
      fixture = await create();
      probe = new LinkProbe(fixture);
    });
    afterEach(async () => {
      await probe.run(fixture.link.close());
      await fixture.close();
    });

    test("connect describes the controller and gives its joint state", async () => {
      const description = await probe.connect();
      assert.equal(fixture.link.state, "idle");
      assert.ok(description.joints.length > 0);
      assert.ok(description.name.length > 0 && description.firmware.length > 0);
      assert.ok(description.maxWaypoints >= 8);
      for (const joint of description.joints) {
        assert.ok(joint.minPosition < joint.maxPosition, joint.name);
        assert.ok(joint.maxVelocity > 0 && joint.maxAcceleration > 0, joint.name);
      }
      const before = probe.jointState();
      assert.ok(Number.isFinite(before.measuredAtMs));
      await fixture.pass(100);
      assert.ok(probe.jointState().measuredAtMs > before.measuredAtMs, "the stream goes on");
    });

    test("connect is refused while there is a connection", async () => {
      await probe.connect();
      await assert.rejects(fixture.link.connect(), { code: "INVALID_STATE" });
      assert.equal(fixture.link.state, "idle");
    });

    test("nothing is sent before connect and before arm", async () => {
      const trajectory = createTrajectory(1, 1);
      trajectory.id = 1;
      trajectory.dtMs = dtMs;
      trajectory.count = 1;
      assert.equal(fixture.link.send(trajectory), false);
      await probe.connect();
      assert.equal(fixture.link.send(probe.move(1, 0.1)), false);
      assert.ok(fixture.link.counters.framesDropped > 0);
      assert.deepEqual(probe.verdicts, []);
    });

    test("an armed arm executes an accepted trajectory to its last waypoint and rests", async () => {
      await probe.connectAndArm();
      const trajectory = probe.move(7, 0.2);
      assert.equal(fixture.link.send(trajectory), true);
      await probe.until("the verdict", () => probe.verdicts.length > 0);
      assert.deepEqual(probe.verdicts, [[7, "accepted"]]);
      await probe.until("motion", () => probe.states.includes("moving"));
      await probe.until("rest", () => fixture.link.state === "armed");
      probe.assertCommand(lastRow(trajectory));
      assert.equal(fixture.link.counters.trajectoriesAccepted, 1);
    });

    test("a trajectory replaces what the controller still holds from its start on", async () => {
      await probe.connectAndArm();
      const first = probe.move(1, 0.2);
      const second = probe.move(2, 0.1);
      second.startAtMs = first.startAtMs;
      assert.equal(fixture.link.send(first), true);
      assert.equal(fixture.link.send(second), true);
      await probe.until("both verdicts", () => probe.verdicts.length === 2);
      await probe.until("rest", () => fixture.link.state === "armed");
      assert.deepEqual(probe.verdicts, [
        [1, "accepted"],
        [2, "accepted"],
      ]);
      probe.assertCommand(lastRow(second));
    });

    test("a late trajectory is refused whole and moves nothing", async () => {
      await probe.connectAndArm();
      const before = probe.jointState();
      const trajectory = probe.move(3, 0.2);
      trajectory.startAtMs = fixture.nowMs() - 50;
      assert.equal(fixture.link.send(trajectory), true);
      await probe.until("the verdict", () => probe.verdicts.length > 0);
      assert.deepEqual(probe.verdicts, [[3, "late"]]);
      await probe.passAlive(300);
      probe.assertCommand([...before.command]);
      assert.equal(fixture.link.counters.trajectoriesRejected, 1);
    });

    test("one waypoint outside a position limit refuses the whole trajectory", async () => {
      const description = await probe.connectAndArm();
      const before = probe.jointState();
      const trajectory = probe.move(4, 0.2);
      const [joint] = description.joints;
      trajectory.positions[(trajectory.count - 1) * trajectory.jointCount] =
        (joint?.maxPosition ?? 0) + 0.01;
      assert.equal(fixture.link.send(trajectory), true);
      await probe.until("the verdict", () => probe.verdicts.length > 0);
      assert.deepEqual(probe.verdicts, [[4, "limit"]]);
      await probe.passAlive(300);
      probe.assertCommand([...before.command]);
    });

    test("heartbeats keep an arm armed for many leases", async () => {
      await probe.connectAndArm();
      await probe.passAlive(3 * longLeaseMs);
      assert.equal(fixture.link.state, "armed");
    });

    test("an arm that hears nothing for a lease latches a fault, and clearFault makes it idle", async () => {
      await probe.connect();
      await probe.run(fixture.link.arm(100));
      await probe.until("the fault", () => fixture.link.state === "faulted", false);
      assert.match(probe.details.at(-1) ?? "", /lease/i);
      assert.equal(fixture.link.send(probe.move(1, 0.1)), false);
      await assert.rejects(probe.run(fixture.link.arm(100)), { code: "INVALID_STATE" });
      await probe.run(fixture.link.clearFault());
      assert.equal(fixture.link.state, "idle");
      await probe.run(fixture.link.arm(longLeaseMs));
      assert.equal(fixture.link.state, "armed");
    });

    test("clearFault is refused without a fault", async () => {
      await probe.connect();
      await assert.rejects(fixture.link.clearFault(), { code: "INVALID_STATE" });
    });

    test("hold stops a motion before its end and stays armed", async () => {
      await probe.connectAndArm();
      const trajectory = probe.move(1, 0.3);
      fixture.link.send(trajectory);
      await probe.until("motion", () => fixture.link.state === "moving");
      await probe.passAlive(100);
      fixture.link.hold();
      await probe.until("rest", () => fixture.link.state === "armed");
      const held = [...probe.jointState().command];
      await probe.passAlive(300);
      probe.assertCommand(held);
      assert.equal(fixture.link.state, "armed");
    });

    test("emergencyStop latches a fault that only clearFault leaves", async () => {
      await probe.connectAndArm();
      fixture.link.send(probe.move(1, 0.3));
      fixture.link.emergencyStop();
      await probe.until("the fault", () => fixture.link.state === "faulted");
      await fixture.pass(300);
      const held = [...probe.jointState().command];
      await fixture.pass(200);
      probe.assertCommand(held);
      await probe.run(fixture.link.clearFault());
      assert.equal(fixture.link.state, "idle");
    });

    test("emergencyStop works without being armed", async () => {
      await probe.connect();
      fixture.link.emergencyStop();
      await probe.until("the fault", () => fixture.link.state === "faulted");
    });

    test("disarm brakes to idle, also twice", async () => {
      await probe.connectAndArm();
      fixture.link.send(probe.move(1, 0.3));
      await probe.until("motion", () => fixture.link.state === "moving");
      await probe.run(fixture.link.disarm());
      assert.equal(fixture.link.state, "idle");
      await probe.run(fixture.link.disarm());
      assert.equal(fixture.link.send(probe.move(2, 0.1)), false);
    });

    test("arm refuses a lease out of range", async () => {
      await probe.connect();
      await assert.rejects(fixture.link.arm(19), { code: "INVALID_ARGUMENT" });
      await assert.rejects(fixture.link.arm(1001), { code: "INVALID_ARGUMENT" });
      await assert.rejects(fixture.link.arm(100.5), { code: "INVALID_ARGUMENT" });
      assert.equal(fixture.link.state, "idle");
    });

    test("close is safe twice, forgets the joint state, and connect starts again", async () => {
      await probe.connectAndArm();
      await probe.run(fixture.link.close());
      await probe.run(fixture.link.close());
      assert.equal(fixture.link.state, "closed");
      assert.equal(fixture.link.readJointState(createJointState(probe.jointCount)), false);
      await assert.rejects(fixture.link.arm(100), { code: "INVALID_STATE" });
      await probe.connect();
      assert.equal(fixture.link.state, "idle");
      assert.equal(fixture.link.counters.reconnects, 1);
    });

    test("after an unplug in motion a new session starts idle and nothing old is delivered", async () => {
      await probe.connectAndArm();
      fixture.link.send(probe.move(1, 0.3));
      await probe.until("motion", () => fixture.link.state === "moving");
      const stale = probe.move(2, 0.3);
      await fixture.unplug();
      await probe.until("closed", () => fixture.link.state === "closed");
      assert.notEqual(probe.details.at(-1), "");
      assert.equal(fixture.link.send(stale), false);
      fixture.link.heartbeat();
      fixture.link.hold();
      await fixture.replug();
      await probe.connect();
      if (fixture.link.state === "faulted") await probe.run(fixture.link.clearFault());
      await probe.until("idle", () => fixture.link.state === "idle");
      await fixture.pass(400);
      const held = [...probe.jointState().command];
      await fixture.pass(300);
      probe.assertCommand(held);
      assert.equal(fixture.link.state, "idle");
      await probe.run(fixture.link.arm(longLeaseMs));
      assert.equal(fixture.link.send(probe.move(3, 0.1)), true);
      await probe.until("its verdict", () => probe.verdicts.some(([id]) => id === 3));
    });
  });
}

/** Drives a link in its fixture's time and records what it said. */
class LinkProbe {
  readonly verdicts: [number, TrajectoryVerdict][] = [];
  readonly states: LinkState[] = [];
  readonly details: string[] = [];
  readonly #fixture: LinkFixture;
  #description: LinkDescription | undefined;

  constructor(fixture: LinkFixture) {
    this.#fixture = fixture;
    fixture.link.on("trajectoryDecided", (id, verdict) => {
      this.verdicts.push([id, verdict]);
    });
    fixture.link.on("stateChanged", (state, detail) => {
      this.states.push(state);
      this.details.push(detail);
    });
  }

  get jointCount(): number {
    return this.#description?.joints.length ?? 1;
  }

  /** Lets time pass until `promise` settles. */
  async run<T>(promise: Promise<T>): Promise<T> {
    const progress = { isSettled: false };
    const settled = (): void => {
      progress.isSettled = true;
    };
    promise.then(settled, settled);
    while (!progress.isSettled) await this.#fixture.pass(1);
    return promise;
  }

  async connect(): Promise<LinkDescription> {
    this.#description = await this.run(this.#fixture.link.connect());
    return this.#description;
  }

  async connectAndArm(): Promise<LinkDescription> {
    const description = await this.connect();
    await this.run(this.#fixture.link.arm(longLeaseMs));
    assert.equal(this.#fixture.link.state, "armed");
    return description;
  }

  async passAlive(ms: number): Promise<void> {
    const endMs = this.#fixture.nowMs() + ms;
    while (this.#fixture.nowMs() < endMs) {
      this.#fixture.link.heartbeat();
      await this.#fixture.pass(2);
    }
  }

  async until(what: string, isTrue: () => boolean, isAlive = true): Promise<void> {
    const limitMs = this.#fixture.nowMs() + 10_000;
    while (!isTrue()) {
      if (this.#fixture.nowMs() > limitMs) {
        assert.fail(`no ${what}; states ${this.states.join(" ")}; ${this.details.join(" ")}`);
      }
      if (isAlive) this.#fixture.link.heartbeat();
      await this.#fixture.pass(2);
    }
  }

  jointState(): ReturnType<typeof createJointState> {
    const state = createJointState(this.jointCount);
    assert.ok(this.#fixture.link.readJointState(state), "there is a joint state");
    return state;
  }

  /**
   * A trajectory of the first joint toward the middle of its range, `speed` of its maximum velocity, that comes to rest on its last
   * two waypoints. It starts 200 ms from now.
   */
  move(id: number, speed: number): Trajectory {
    const joints = this.#description?.joints ?? [];
    const { command } = this.jointState();
    const count = 20;
    const trajectory = createTrajectory(count, joints.length);
    const [first] = joints;
    assert.ok(first !== undefined);
    const middle = (first.minPosition + first.maxPosition) / 2;
    const toward = middle >= (command[0] ?? 0) ? 1 : -1;
    const perWaypoint = (toward * speed * first.maxVelocity * dtMs) / 1000 / 2;
    trajectory.id = id;
    trajectory.startAtMs = this.#fixture.nowMs() + 200;
    trajectory.dtMs = dtMs;
    trajectory.count = count;
    for (let row = 0; row < count; row++) {
      const steps = Math.min(row + 1, count - 1);
      for (let joint = 0; joint < joints.length; joint++) {
        trajectory.positions[row * joints.length + joint] =
          (command[joint] ?? 0) + (joint === 0 ? steps * perWaypoint : 0);
      }
    }
    return trajectory;
  }

  assertCommand(expected: readonly number[]): void {
    const { command } = this.jointState();
    expected.forEach((position, joint) => {
      const off = Math.abs((command[joint] ?? Number.NaN) - position);
      assert.ok(
        off < twoCounts,
        `joint ${joint} is commanded to ${command[joint]}, not ${position}`,
      );
    });
  }
}

function lastRow({ positions, count, jointCount }: Trajectory): number[] {
  return [...positions.subarray((count - 1) * jointCount, count * jointCount)];
}
