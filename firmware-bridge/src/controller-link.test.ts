import assert from "node:assert/strict";
import { test } from "node:test";

import type { LinkState } from "../../sdk/src/actuator-link.ts";
import { ManualClock } from "../../sdk/src/testing/manual-clock.ts";
import { createTrajectory } from "../../sdk/src/types.ts";
import { ControllerLink } from "./controller-link.ts";
import { AckCode, ControllerMode, MessageType, payloadBytes } from "./protocol/constants.ts";
import { limitsCrc, schemaHash, stateBytes } from "./protocol/controller-messages.ts";
import { FrameDecoder } from "./protocol/frame-decoder.ts";
import { FrameEncoder } from "./protocol/frame-encoder.ts";
import type { Transport } from "./transport/transport.ts";

/**
 * One joint that answers as told, to show what real firmware never does. Replies come 1 ms later; STATE every 10 ms.
 */
class ScriptedController implements Transport {
  readonly name = "script";
  readonly writesDropped = 0;
  readonly received: number[] = [];
  major = 1;
  bootId = 1;
  claimedSchema = schemaHash([{ name: "lift", kind: "prismatic" }]);
  claimedLimits = 0;
  mode: number = ControllerMode.Idle;
  isMute = false;
  enableCode: number = AckCode.Ok;
  faultsWhenEnabled = false;
  answersTraj = true;
  lostHolds = 0;
  isOpen = true;
  writableBytes = 4096;
  readonly #clock: ManualClock;
  readonly #encoder = new FrameEncoder();
  readonly #description = new DataView(new ArrayBuffer(payloadBytes.description));
  #sessionId = 0;
  #dataListener: (bytes: Uint8Array) => void = () => {};
  #closeListener: (reason: string) => void = () => {};
  readonly #decoder: FrameDecoder = new FrameDecoder((type, seq, payload) => {
    this.received.push(type);
    if (!this.isMute) this.#answer(type, seq, payload);
  });

  constructor(clock: ManualClock) {
    this.#clock = clock;
    this.#description.setUint8(1, 1); // prismatic
    this.#description.setInt32(4, -1_000_000, true);
    this.#description.setInt32(8, 1_000_000, true);
    this.#description.setUint32(12, 1_000_000, true);
    this.#description.setUint32(16, 1_000_000, true);
    new TextEncoder().encode("lift").forEach((letter, i) => {
      this.#description.setUint8(28 + i, letter);
    });
    this.claimedLimits = limitsCrc([new Uint8Array(this.#description.buffer)]);
    this.#streamState();
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    this.#decoder.push(bytes.slice(start, end));
    return this.isOpen;
  }

  discardPending(): void {}

  onData(listener: (bytes: Uint8Array) => void): void {
    this.#dataListener = listener;
  }

  onClose(listener: (reason: string) => void): void {
    this.#closeListener = listener;
  }

  async close(): Promise<void> {
    if (this.isOpen) this.#closeListener("closed");
    this.isOpen = false;
  }

  /** Forgets the session, as a power cycle does. */
  reset(): void {
    this.bootId++;
    this.#sessionId = 0;
    this.#decoder.seed = this.claimedSchema;
    this.mode = ControllerMode.Idle;
  }

  #answer(type: number, seq: number, payload: DataView): void {
    if (type === MessageType.Hello) {
      this.#sessionId = payload.getUint32(4, true);
      this.#sendIdent();
      this.#decoder.seed = (this.claimedSchema ^ this.#sessionId) >>> 0;
    } else if (type === MessageType.Describe) {
      this.#send(MessageType.Description, new Uint8Array(this.#description.buffer));
    } else if (type === MessageType.Sync) {
      const reply = new DataView(new ArrayBuffer(payloadBytes.syncReply));
      reply.setUint32(0, payload.getUint32(0, true), true);
      reply.setUint32(4, this.#clock.nowMs(), true);
      reply.setUint32(12, this.#clock.nowMs(), true);
      this.#send(MessageType.SyncReply, new Uint8Array(reply.buffer));
    } else if (type === MessageType.Enable) {
      if (this.enableCode === AckCode.Ok) this.mode = ControllerMode.Hold;
      this.#ack(seq, type, this.enableCode, 0);
      if (this.faultsWhenEnabled) this.mode = ControllerMode.Fault;
    } else if (type === MessageType.Subscribe) {
      this.#ack(seq, type, AckCode.Ok, 0);
    } else if (type === MessageType.Disable) {
      this.mode = ControllerMode.Idle;
      this.#ack(seq, type, AckCode.Ok, 0);
    } else if (type === MessageType.Hold && this.lostHolds-- <= 0) {
      this.#ack(seq, type, AckCode.Ok, 0);
    } else if (type === MessageType.Traj && this.answersTraj) {
      this.#ack(seq, type, AckCode.Ok, payload.getUint16(0, true));
    }
  }

  #sendIdent(): void {
    const ident = new DataView(new ArrayBuffer(payloadBytes.ident));
    ident.setUint8(0, this.major);
    ident.setUint8(2, 1); // joint_count
    ident.setUint16(4, 1000, true); // tick_hz
    ident.setUint16(6, 64, true); // ring_depth
    ident.setUint32(8, 0x00010203, true); // fw_version
    ident.setUint32(12, this.claimedSchema, true);
    ident.setUint32(16, this.claimedLimits, true);
    ident.setUint32(20, this.bootId, true);
    ident.setUint32(24, this.#sessionId, true);
    ident.setUint16(40, 2, true); // min_lead_ticks
    this.#send(MessageType.Ident, new Uint8Array(ident.buffer));
  }

  #ack(seq: number, type: number, code: number, chunkId: number): void {
    const ack = new DataView(new ArrayBuffer(payloadBytes.ack));
    ack.setUint8(0, seq);
    ack.setUint8(1, type);
    ack.setUint8(2, code);
    ack.setUint8(3, this.mode);
    ack.setUint16(6, chunkId, true);
    this.#send(MessageType.Ack, new Uint8Array(ack.buffer));
  }

  readonly #streamState = (): void => {
    if (!this.isMute && this.#sessionId !== 0) {
      const state = new DataView(new ArrayBuffer(stateBytes(1)));
      state.setUint32(0, this.#clock.nowMs(), true);
      state.setUint8(7, this.mode);
      state.setUint8(9, 1); // joint_count
      state.setInt32(20, 250_000, true); // position
      this.#send(MessageType.State, new Uint8Array(state.buffer));
    }
    if (this.isOpen) this.#clock.callAt(this.#clock.nowMs() + 10, this.#streamState);
  };

  #send(type: number, payload: Uint8Array): void {
    payload.forEach((byte, i) => {
      this.#encoder.payload.setUint8(i, byte);
    });
    const seed = (this.claimedSchema ^ this.#sessionId) >>> 0;
    const end = this.#encoder.finish(type, 0, payload.length, seed);
    const bytes = this.#encoder.bytes.slice(1, end);
    this.#clock.callAt(this.#clock.nowMs() + 1, () => {
      this.#dataListener(bytes);
    });
  }
}

interface Bench {
  readonly clock: ManualClock;
  readonly controller: ScriptedController;
  readonly link: ControllerLink;
  readonly states: [LinkState, string][];
}

function createBench(): Bench {
  const clock = new ManualClock(1000);
  const controller = new ScriptedController(clock);
  const link = new ControllerLink({ name: "script", clock, openTransport: async () => controller });
  const states: [LinkState, string][] = [];
  link.on("stateChanged", (state, detail) => {
    states.push([state, detail]);
  });
  return { clock, controller, link, states };
}

async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let i = 0; i < ms; i++) {
    clock.advanceBy(1);
    await new Promise(setImmediate);
  }
}

async function run<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  const progress = { isSettled: false };
  const settled = (): void => {
    progress.isSettled = true;
  };
  promise.then(settled, settled);
  while (!progress.isSettled) await pass(clock, 1);
  return promise;
}

function oneWaypoint(id: number, startAtMs: number): ReturnType<typeof createTrajectory> {
  const trajectory = createTrajectory(1, 1);
  trajectory.id = id;
  trajectory.startAtMs = startAtMs;
  trajectory.dtMs = 10;
  trajectory.count = 1;
  return trajectory;
}

test("another major version is refused with both versions", async () => {
  const { clock, controller, link } = createBench();
  controller.major = 2;
  await assert.rejects(
    run(clock, link.connect()),
    /LINK_MISMATCH.*Observed: 2\.0.*Expected: 1\.0/s,
  );
  assert.equal(link.state, "closed");
  assert.equal(controller.isOpen, false);
});

test("limits that do not give the CRC of IDENT are refused with both values", async () => {
  const { clock, controller, link } = createBench();
  const right = controller.claimedLimits.toString(16);
  controller.claimedLimits = 0xabcdef;
  await assert.rejects(run(clock, link.connect()), (error: Error) => {
    assert.match(error.message, /LINK_MISMATCH.*CRC of its limits/s);
    assert.ok(error.message.includes(right) && error.message.includes("abcdef"));
    return true;
  });
});

test("joints that do not give the schema hash are refused with both values", async () => {
  const { clock, controller, link } = createBench();
  const right = controller.claimedSchema.toString(16);
  controller.claimedSchema = 0x51ab;
  await assert.rejects(run(clock, link.connect()), (error: Error) => {
    assert.match(error.message, /LINK_MISMATCH.*schema hash/s);
    assert.ok(error.message.includes(`0x${right}`) && error.message.includes("0x51ab"));
    return true;
  });
});

test("a mute controller fails the handshake after its HELLOs", async () => {
  const { clock, controller, link } = createBench();
  controller.isMute = true;
  await assert.rejects(run(clock, link.connect()), { code: "LINK_HANDSHAKE_FAILED" });
  assert.deepEqual(new Set(controller.received), new Set([MessageType.Hello]));
  assert.equal(controller.received.length, 12, "one each 250 ms for 3 s");
});

test("close during connect cancels it", async () => {
  const { clock, controller, link } = createBench();
  controller.isMute = true;
  const connecting = link.connect();
  await pass(clock, 10);
  await link.close();
  await assert.rejects(run(clock, connecting));
  assert.equal(link.state, "closed");
});

test("a controller that was reset closes the link and says so", async () => {
  const { clock, controller, link, states } = createBench();
  await run(clock, link.connect());
  controller.reset();
  await pass(clock, 600);
  assert.equal(states.at(-1)?.[0], "closed");
  assert.match(states.at(-1)?.[1] ?? "", /was reset \(boot id 0x00000001 became 0x00000002\)/);
});

test("a silent controller closes the link, and requests end with LINK_CLOSED", async () => {
  const { clock, controller, link, states } = createBench();
  await run(clock, link.connect());
  controller.isMute = true;
  await pass(clock, 1990);
  const arming = assert.rejects(link.arm(100), { code: "LINK_CLOSED" });
  await pass(clock, 300);
  await arming;
  assert.match(states.at(-1)?.[1] ?? "", /sent nothing for/);
});

test("a refused ENABLE names the controller's code", async () => {
  const { clock, controller, link } = createBench();
  await run(clock, link.connect());
  controller.enableCode = AckCode.Schema;
  await assert.rejects(run(clock, link.arm(100)), /LINK_REFUSED.*ENABLE.*SCHEMA/s);
  assert.equal(link.state, "idle");
});

test("an ENABLE whose answer is read together with a fault right behind it is refused", async () => {
  const { clock, controller, link } = createBench();
  await run(clock, link.connect());
  controller.faultsWhenEnabled = true;
  const arming = link.arm(100);
  clock.stallUntil(clock.nowMs() + 30);
  clock.stallUntil(clock.nowMs() + 30);
  await assert.rejects(run(clock, arming), /LINK_REFUSED.*did not stay armed/);
  assert.equal(link.state, "faulted");
});

test("an unanswered request is LINK_TIMEOUT and the link lives on", async () => {
  const { clock, controller, link } = createBench();
  await run(clock, link.connect());
  controller.isMute = true;
  await assert.rejects(run(clock, link.arm(100)), { code: "LINK_TIMEOUT" });
  controller.isMute = false;
  await pass(clock, 50);
  assert.equal(link.state, "idle");
});

test("emergencyStop is repeated until the controller shows the fault, and nothing is sent beside it", async () => {
  const { clock, controller, link } = createBench();
  await run(clock, link.connect());
  await run(clock, link.arm(100));
  controller.received.length = 0;
  link.emergencyStop();
  await pass(clock, 100);
  const stops = controller.received.filter((type) => type === MessageType.Estop).length;
  assert.ok(stops >= 5, `${stops} ESTOP in 100 ms`);
  assert.equal(link.send(oneWaypoint(1, clock.nowMs() + 100)), false);
  controller.mode = ControllerMode.Fault;
  await pass(clock, 40);
  controller.received.length = 0;
  await pass(clock, 100);
  assert.ok(!controller.received.includes(MessageType.Estop));
  assert.equal(link.state, "faulted");
});

test("a lost HOLD is repeated, but never after a new trajectory", async () => {
  const { clock, controller, link } = createBench();
  await run(clock, link.connect());
  await run(clock, link.arm(100));
  const holds = (): number => controller.received.filter((t) => t === MessageType.Hold).length;
  controller.lostHolds = 1;
  link.hold();
  await pass(clock, 100);
  assert.equal(holds(), 2);
  controller.lostHolds = 100;
  link.hold();
  assert.equal(link.send(oneWaypoint(1, clock.nowMs() + 100)), true);
  await pass(clock, 100);
  assert.equal(holds(), 3);
});

test("what is not answered is bounded and ends as late", async () => {
  const { clock, controller, link } = createBench();
  const verdicts: string[] = [];
  link.on("trajectoryDecided", (id, verdict) => verdicts.push(`${id} ${verdict}`));
  await run(clock, link.connect());
  await run(clock, link.arm(100));
  controller.answersTraj = false;
  const sent = Array.from({ length: 9 }, (_, i) =>
    link.send(oneWaypoint(i + 1, clock.nowMs() + 50)),
  );
  assert.deepEqual(sent, [...Array.from({ length: 8 }, () => true), false]);
  await pass(clock, 300);
  assert.deepEqual(
    verdicts,
    [1, 2, 3, 4, 5, 6, 7, 8].map((id) => `${id} late`),
  );
  assert.equal(link.send(oneWaypoint(9, clock.nowMs() + 50)), true);
});

test("a trajectory that cannot be put on the wire is refused before a byte is written", async () => {
  const { clock, controller, link } = createBench();
  await run(clock, link.connect());
  await run(clock, link.arm(100));
  controller.received.length = 0;
  const broken = oneWaypoint(1, clock.nowMs() + 50);
  broken.positions[0] = Number.NaN;
  assert.throws(() => link.send(broken), /INVALID_ARGUMENT.*positions\[0\].*NaN/s);
  const uneven = oneWaypoint(1, clock.nowMs() + 50);
  uneven.dtMs = 10.5;
  assert.throws(() => link.send(uneven), /INVALID_ARGUMENT.*dtMs/s);
  assert.throws(() => link.send(oneWaypoint(0, clock.nowMs())), /INVALID_ARGUMENT.*id/s);
  assert.ok(!controller.received.includes(MessageType.Traj));
});

test("a full transport drops the trajectory and counts it", async () => {
  const { clock, controller, link } = createBench();
  await run(clock, link.connect());
  await run(clock, link.arm(100));
  controller.writableBytes = 10;
  const before = link.counters.framesDropped;
  assert.equal(link.send(oneWaypoint(1, clock.nowMs() + 50)), false);
  assert.equal(link.counters.framesDropped, before + 1);
});

test("heartbeats are spaced by a quarter of the lease", async () => {
  const { clock, controller, link } = createBench();
  await run(clock, link.connect());
  await run(clock, link.arm(100));
  controller.received.length = 0;
  for (let i = 0; i < 200; i++) {
    link.heartbeat();
    await pass(clock, 1);
  }
  assert.equal(controller.received.filter((type) => type === MessageType.Heartbeat).length, 7);
});
