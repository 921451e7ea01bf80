import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import {
  ServoBus,
  sts3215,
  xl330M288,
  type ServoModel,
} from "../../firmware-bridge/src/servo/index.ts";
import { SimulatedServoBus } from "../../firmware-bridge/src/testing/index.ts";
import { FaultInjector } from "../../firmware-bridge/src/transport/fault-injector.ts";
import { isOmpError } from "../../sdk/src/errors.ts";
import { createRandom } from "../../sdk/src/random.ts";
import { VirtualTime } from "../conformance/virtual-time.ts";

const ids = [1, 2, 3, 4, 5, 6];

for (const model of [sts3215, xl330M288] satisfies ServoModel[]) {
  describe(`ServoBus to ${model.name}`, () => {
    let time: VirtualTime;
    let sim: SimulatedServoBus;
    let bus: ServoBus;
    const { registers } = model;

    const open = async (hasEcho: boolean, knowsEcho: boolean = hasEcho): Promise<void> => {
      time = new VirtualTime();
      const { clock } = time;
      sim = new SimulatedServoBus({
        clock,
        servos: ids.map((id) => ({ model, id, encoder: 1000 * id > 4000 ? 3000 : 1000 * id })),
        hasEcho,
      });
      const transport = await sim.openTransport();
      bus = new ServoBus({ transport, clock, format: model.format, hasEcho: knowsEcho });
    };
    beforeEach(() => open(false));

    const { address, bytes } = registers.presentPosition;
    const positions = async (): Promise<(number | undefined)[]> => {
      const replies = await time.run(bus.syncRead(ids, address, bytes));
      return replies.map((reply) =>
        reply === undefined ? undefined : (reply.data[0] ?? 0) + 256 * (reply.data[1] ?? 0),
      );
    };
    const expected = [1000, 2000, 3000, 4000, 3000, 3000];

    test("reads, writes and reads together", async () => {
      assert.notEqual(await time.run(bus.ping(3)), undefined);
      assert.equal(await time.run(bus.readRegister(2, registers.presentPosition)), 2000);
      await time.run(bus.writeRegister(2, registers.goalPosition, 2100));
      assert.equal(sim.servo(2).get("goalPosition"), 2100);
      assert.deepEqual(await positions(), expected);
      const { timeouts, unexpectedPackets, garbageBytes, retries } = bus.counters;
      assert.deepEqual([timeouts, unexpectedPackets, garbageBytes, retries], [0, 0, 0, 0]);
    });

    test("calls made at once are served one after the other", async () => {
      const reads = ids.map((id) => bus.readRegister(id, registers.presentPosition));
      assert.deepEqual(await time.run(Promise.all(reads)), expected);
      assert.equal(bus.counters.unexpectedPackets, 0);
    });

    test("an id nobody has does not answer, and says so by name when it must", async () => {
      assert.equal(await time.run(bus.ping(9)), undefined);
      await assert.rejects(time.run(bus.readRegister(9, registers.presentPosition)), {
        code: "LINK_TIMEOUT",
        message: /servo 9/,
      });
      assert.equal(bus.counters.timeouts, 6);
      assert.equal(bus.counters.retries, 4);
    });

    test("a damaged answer is asked for again", async () => {
      sim.trouble(2, { corruptAnswers: 1 });
      assert.equal(await time.run(bus.readRegister(2, registers.presentPosition)), 2000);
      assert.equal(bus.counters.checksumErrors, 1);
      assert.equal(bus.counters.retries, 1);
    });

    test("half an answer is asked for again, and so is one of a wrong id", async () => {
      sim.trouble(2, { cutAnswers: 2 });
      assert.equal(await time.run(bus.readRegister(2, registers.presentPosition)), 2000);
      assert.ok(bus.counters.garbageBytes > 0);
      sim.trouble(2, { answersAs: 5 });
      await assert.rejects(time.run(bus.readRegister(2, registers.presentPosition)), {
        code: "LINK_TIMEOUT",
      });
      assert.equal(bus.counters.unexpectedPackets, 3);
    });

    test("one damaged packet in a common read costs nobody's state", async () => {
      sim.trouble(4, { corruptAnswers: 1 });
      assert.deepEqual(await positions(), expected);
      assert.equal(bus.counters.checksumErrors, 1);
    });

    test("a silent servo is told from those behind it", async () => {
      sim.trouble(5, { isSilent: true });
      assert.deepEqual(await positions(), [...expected.slice(0, 4), undefined, expected[5]]);
    });

    test("a dead bus costs two servos' timeouts and not six", async () => {
      for (const id of ids) sim.trouble(id, { isSilent: true });
      const startedMs = time.clock.nowMs();
      assert.ok((await positions()).every((position) => position === undefined));
      assert.ok(time.clock.nowMs() - startedMs < 80, "within the gap a moving arm may have");
    });

    test("what does something each time is sent once although nobody answers", async () => {
      sim.trouble(2, { isSilent: true });
      const sent = bus.counters.packetsSent;
      const { goalPosition } = registers;
      const data = new Uint8Array(goalPosition.bytes);
      await assert.rejects(time.run(bus.writeOnce(2, goalPosition.address, data)), {
        code: "LINK_TIMEOUT",
      });
      assert.equal(bus.counters.packetsSent, sent + 1);
      await assert.rejects(time.run(bus.reboot(2)), { code: "LINK_TIMEOUT" });
      await time.run(bus.action());
      assert.equal(bus.counters.packetsSent, sent + 3);
    });

    test("registered writes act together", async () => {
      const { goalPosition } = registers;
      for (const id of [1, 2]) {
        const data = new Uint8Array(goalPosition.bytes);
        data.set([id, 8]);
        await time.run(bus.regWrite(id, goalPosition.address, data));
      }
      assert.notEqual(sim.servo(1).get("goalPosition"), 2049);
      await time.run(bus.action());
      await time.pass(2);
      assert.deepEqual(
        [1, 2].map((id) => sim.servo(id).get("goalPosition")),
        [2049, 2050],
      );
    });

    test("an answer that comes after its time is dropped and never taken for the next one's", async () => {
      const slow = new SimulatedServoBus({
        clock: time.clock,
        servos: ids.map((id) => ({ model, id, encoder: 100 * id })),
        returnDelayMs: 24,
      });
      const transport = await slow.openTransport();
      const late = new ServoBus({
        transport,
        clock: time.clock,
        format: model.format,
        attempts: 1,
      });
      await assert.rejects(time.run(late.readRegister(1, registers.presentPosition)));
      await assert.rejects(time.run(late.readRegister(2, registers.presentPosition)));
      await time.pass(50);
      assert.equal(late.counters.unexpectedPackets, 2);
    });

    test("an echo is found and stripped", async () => {
      await open(true, false);
      assert.equal(await time.run(bus.detectEcho()), true);
      assert.equal(await time.run(bus.readRegister(2, registers.presentPosition)), 2000);
      await time.run(bus.writeRegister(2, registers.goalPosition, 2100));
      await time.run(bus.syncWrite([1], address, 1, Uint8Array.of(0)));
      assert.deepEqual(await positions(), expected);
      const { timeouts, echoErrors, unexpectedPackets, unexpectedEchoes } = bus.counters;
      assert.deepEqual([timeouts, echoErrors, unexpectedPackets, unexpectedEchoes], [0, 0, 0, 0]);
    });

    test("no echo is found where there is none", async () => {
      assert.equal(await time.run(bus.detectEcho()), false);
      assert.equal(bus.counters.timeouts, 0);
      assert.deepEqual(await positions(), expected);
    });

    test("an echo that is not known of is not taken for an answer", async () => {
      await open(true, false);
      assert.equal(await time.run(bus.readRegister(2, registers.presentPosition)), 2000);
      const { unexpectedEchoes, unexpectedPackets } = bus.counters;
      assert.equal(unexpectedEchoes + unexpectedPackets, 1);
    });

    test("noise in the echo loses the transaction, which is repeated", async () => {
      await open(true, false);
      await time.run(bus.detectEcho());
      const { clock } = time;
      const cable = new FaultInjector(sim.openTransport, {
        clock,
        random: createRandom(7),
        toHost: { bitFlip: 0.004 },
      });
      const transport = await cable.openTransport();
      const noisy = new ServoBus({ transport, clock, format: model.format, hasEcho: true });
      for (let i = 0; i < 100; i++) {
        const position = await time
          .run(noisy.readRegister(2, registers.presentPosition))
          .catch(() => "lost");
        assert.ok(position === 2000 || position === "lost", `${position}`);
      }
      assert.ok(noisy.counters.echoErrors > 0);
      assert.ok(noisy.counters.retries > 0);
    });

    test("an unplug ends what waits and what comes later", async () => {
      const reasons: string[] = [];
      bus.onClose((reason) => reasons.push(reason));
      const pending = [1, 2].map((id) => bus.readRegister(id, registers.presentPosition));
      const outcomes = Promise.allSettled(pending);
      sim.unplug();
      for (const outcome of await time.run(outcomes)) {
        assert.ok(outcome.status === "rejected" && isOmpError(outcome.reason, "LINK_CLOSED"));
      }
      assert.equal(reasons.length, 1);
      assert.equal(bus.isOpen, false);
      await time.run(bus.close());
    });

    test("a full transport costs its packets and is counted", async () => {
      const transport = await sim.openTransport();
      const full = {
        name: "full",
        isOpen: true,
        writableBytes: 0,
        writesDropped: 0,
        write: () => false,
        discardPending: () => {},
        onData: () => {},
        onClose: () => {},
        close: () => transport.close(),
      };
      const blocked = new ServoBus({ transport: full, clock: time.clock, format: model.format });
      assert.equal(await time.run(blocked.ping(1)), undefined);
      assert.equal(blocked.counters.writesRefused, 3);
    });
  });
}

test("a Dynamixel's refusal names its reason and is not repeated", async () => {
  const time = new VirtualTime();
  const { clock } = time;
  const sim = new SimulatedServoBus({
    clock,
    servos: [{ model: xl330M288, id: 1, hasTorque: true }],
  });
  const transport = await sim.openTransport();
  const bus = new ServoBus({ transport, clock, format: xl330M288.format });
  await assert.rejects(time.run(bus.writeRegister(1, xl330M288.registers.homingOffset, 100)), {
    code: "LINK_REFUSED",
    message: /EEPROM while torque is on/,
  });
  assert.equal(bus.counters.packetsSent, 1);
});

test("fast sync read takes one answer packet for all, and asks alone when it breaks off", async () => {
  const time = new VirtualTime();
  const { clock } = time;
  const servos = ids.map((id) => ({ model: xl330M288, id, encoder: 100 * id }));
  const sim = new SimulatedServoBus({ clock, servos });
  const transport = await sim.openTransport();
  const bus = new ServoBus({ transport, clock, format: xl330M288.format });
  const replies = await time.run(bus.syncRead(ids, 132, 4, true));
  assert.deepEqual(
    replies.map((reply) => (reply?.data[0] ?? 0) + 256 * (reply?.data[1] ?? 0)),
    [100, 200, 300, 400, 500, 600],
  );
  assert.equal(bus.counters.packets, 1);
  sim.trouble(6, { isSilent: true });
  const rest = await time.run(bus.syncRead(ids, 132, 4, true));
  assert.equal(rest[5], undefined);
  assert.ok(bus.counters.timeouts > 0);
});
