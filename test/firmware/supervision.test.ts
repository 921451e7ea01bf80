import assert from "node:assert/strict";
import { test } from "node:test";

import {
  AckCode,
  ControllerFault,
  ControllerMode,
  MessageType,
  StateFlag,
} from "../../firmware-bridge/src/protocol/constants.ts";
import { writeHello } from "../../firmware-bridge/src/protocol/host-messages.ts";
import { frameVectors } from "./vectors.ts";
import { WasmController } from "./wasm-controller.ts";

const leaseMs = 1000;

/** A command that moves the first joint by `step` counts a waypoint, 20 ticks apart, from 30 ticks ahead. */
function move(controller: WasmController, step = 10_000): void {
  const start = controller.command;
  const rows = Array.from({ length: 9 }, (_, i) => [
    (start[0] ?? 0) + step * (i + 1),
    ...start.slice(1),
  ]);
  const t0 = (controller.now + 30) >>> 0;
  const ack = controller.traj({ chunkId: 1, partIndex: 0, partCount: 1, t0, dt: 20, rows });
  assert.equal(ack.code, AckCode.Ok);
}

/** One tick; how far it moved the command of every joint, counts. */
function tickStep(controller: WasmController): number[] {
  const before = controller.command;
  controller.tick();
  return controller.command.map((position, j) => position - (before[j] ?? 0));
}

/**
 * Runs until the command stands still.
 *
 * @param velocity the last step before, counts a tick
 * @returns the greatest change of velocity of a joint on the way, counts a tick squared
 */
function runToRest(controller: WasmController, velocity: readonly number[]): number {
  let last = velocity;
  let change = 0;
  for (let still = 0, ticks = 0; still < 3; ticks++) {
    assert.ok(ticks < 1000, "the arm does not come to rest");
    const step = tickStep(controller);
    for (const [j, s] of step.entries()) change = Math.max(change, Math.abs(s - (last[j] ?? 0)));
    still = step.every((s) => s === 0) ? still + 1 : 0;
    last = step;
  }
  return change;
}

/** 20 rad/s² are 20 counts a tick squared; truncation adds less than one count to each of the two steps. */
const maxVelocityChange = 22;

test("ENABLE is refused until every joint has been measured", async () => {
  const controller = await WasmController.create();
  controller.validMask = 0b011111;
  controller.hello(frameVectors.session_id);
  controller.tick(3);
  assert.equal(controller.enable().code, AckCode.Mode);
  controller.validMask = 0b100000;
  controller.tick();
  assert.equal(controller.enable().code, AckCode.Ok);
});

test("without a session nothing but HELLO and ESTOP is taken", async () => {
  const controller = await WasmController.create();
  controller.tick();
  controller.hello(0);
  assert.equal(controller.session, 0);
  controller.takeFrames();
  controller.post(MessageType.Subscribe, (out) => {
    out.setUint32(0, 1, true);
    return 4;
  });
  controller.tick(5);
  assert.deepEqual(controller.takeFrames(), []);
  controller.post(MessageType.Estop);
  assert.equal(controller.fault, ControllerFault.Estop);
});

test("the lease ends after its milliseconds and brakes into FAULT", async () => {
  for (const lease of [20, 137, 1000]) {
    const controller = await WasmController.enabled(lease);
    controller.tick(lease - 1);
    assert.equal(controller.mode, ControllerMode.Hold, `${lease} ms`);
    controller.tick();
    assert.equal(controller.mode, ControllerMode.Fault, `${lease} ms`);
    assert.equal(controller.fault, ControllerFault.Lease);
  }
});

test("an expired lease stops a moving arm within the acceleration limit", async () => {
  const controller = await WasmController.enabled(100);
  move(controller, 50_000);
  controller.tick(98);
  const velocity = tickStep(controller);
  assert.equal(velocity[0], 2_500);
  assert.equal(controller.mode, ControllerMode.Run);
  const change = runToRest(controller, velocity);
  assert.equal(controller.fault, ControllerFault.Lease);
  assert.ok(
    change <= maxVelocityChange,
    `the velocity changed by ${change} counts a tick in one tick`,
  );
});

test("HEARTBEAT, ENABLE and TRAJ renew the lease; nothing else does", async () => {
  const renews: Record<string, (controller: WasmController) => void> = {
    HEARTBEAT: (controller) => {
      controller.post(MessageType.Heartbeat);
    },
    ENABLE: (controller) => {
      assert.equal(controller.enable({ leaseMs: 50 }).code, AckCode.Ok);
    },
    TRAJ: (controller) => {
      move(controller);
    },
  };
  for (const [name, renew] of Object.entries(renews)) {
    const controller = await WasmController.enabled(50);
    controller.tick(49);
    renew(controller);
    controller.tick(49);
    assert.notEqual(controller.mode, ControllerMode.Fault, name);
    controller.tick();
    assert.equal(controller.fault, ControllerFault.Lease, name);
  }
  const keeps: Record<string, (controller: WasmController) => void> = {
    "HELLO of this session": (controller) => {
      controller.hello(frameVectors.session_id);
    },
    SYNC: (controller) => {
      controller.post(MessageType.Sync, () => 4);
    },
    HOLD: (controller) => {
      assert.equal(controller.request(MessageType.Hold).code, AckCode.Ok);
    },
    SUBSCRIBE: (controller) => {
      assert.equal(controller.subscribe(0).code, AckCode.Ok);
    },
    "refused TRAJ": (controller) => {
      const part = { chunkId: 1, partIndex: 0, partCount: 1, t0: controller.now, dt: 20 };
      assert.equal(controller.traj({ ...part, rows: [controller.command] }).code, AckCode.Late);
    },
    "refused ENABLE": (controller) => {
      assert.equal(controller.enable({ limitsCrc: 1 }).code, AckCode.Schema);
    },
    "replayed HEARTBEAT": (controller) => {
      controller.post(MessageType.Heartbeat, undefined, controller.seq);
    },
  };
  for (const [name, keep] of Object.entries(keeps)) {
    const controller = await WasmController.enabled(50);
    controller.tick(49);
    keep(controller);
    controller.tick();
    assert.equal(controller.fault, ControllerFault.Lease, name);
  }
});

const places: Record<string, (controller: WasmController) => void> = {
  IDLE: (controller) => {
    assert.equal(controller.request(MessageType.Disable).code, AckCode.Ok);
  },
  HOLD: () => {},
  "RUN before the first segment": (controller) => {
    move(controller);
  },
  "RUN in a segment": (controller) => {
    move(controller);
    controller.tick(45);
  },
  "braking into HOLD": (controller) => {
    move(controller);
    controller.tick(45);
    assert.equal(controller.request(MessageType.Hold).code, AckCode.Ok);
    controller.tick(3);
  },
  "braking into IDLE": (controller) => {
    move(controller);
    controller.tick(45);
    assert.equal(controller.request(MessageType.Disable).code, AckCode.Ok);
    controller.tick(3);
  },
};

for (const [place, go] of Object.entries(places)) {
  for (const way of ["frame", "input"] as const) {
    test(`ESTOP as ${way} in ${place}`, async () => {
      const controller = await WasmController.enabled(leaseMs);
      go(controller);
      const velocity = tickStep(controller);
      if (way === "frame") controller.post(MessageType.Estop, undefined, 77);
      else controller.pressEmergencyStop();
      assert.equal(controller.mode, ControllerMode.Fault);
      assert.equal(controller.fault, ControllerFault.Estop);
      assert.ok(runToRest(controller, velocity) <= maxVelocityChange);
      assert.equal(controller.enable().code, AckCode.Mode);
      const rest = controller.command;
      controller.tick(50);
      assert.deepEqual(controller.command, rest, "nothing leaves FAULT by itself");
    });
  }
}

test("the first fault stays latched", async () => {
  const controller = await WasmController.enabled(20);
  controller.tick(20);
  assert.equal(controller.fault, ControllerFault.Lease);
  const { faultNonce } = controller.nextState();
  controller.post(MessageType.Estop);
  const state = controller.nextState();
  assert.equal(state.fault, ControllerFault.Lease);
  assert.equal(state.faultNonce, faultNonce);
});

test("CLEAR_FAULT needs the code and the nonce of this very fault, and leads to IDLE", async () => {
  const controller = await WasmController.enabled(leaseMs);
  controller.pressEmergencyStop();
  const first = controller.nextState();
  assert.equal(
    controller.clearFault(ControllerFault.Lease, first.faultNonce).code,
    AckCode.Mismatch,
  );
  assert.equal(controller.clearFault(first.fault, first.faultNonce + 1).code, AckCode.Mismatch);
  assert.equal(controller.clearFault(first.fault, first.faultNonce).code, AckCode.Ok);
  assert.equal(controller.mode, ControllerMode.Idle);
  assert.equal(controller.fault, ControllerFault.None);
  assert.equal(controller.clearFault(first.fault, first.faultNonce).code, AckCode.Mode);
  controller.pressEmergencyStop();
  assert.equal(
    controller.clearFault(first.fault, first.faultNonce).code,
    AckCode.Mismatch,
    "the nonce of the fault before",
  );
  assert.equal(controller.nextState().faultNonce, first.faultNonce + 1);
});

test("a fault cleared while braking lets nobody in before the arm rests", async () => {
  const controller = await WasmController.enabled(leaseMs);
  move(controller, 50_000);
  controller.tick(60);
  controller.pressEmergencyStop();
  const { fault, faultNonce } = controller.nextState();
  assert.equal(controller.clearFault(fault, faultNonce).code, AckCode.Ok);
  assert.equal(controller.enable().code, AckCode.Mode);
  runToRest(controller, tickStep(controller));
  assert.equal(controller.enable().code, AckCode.Ok);
});

test("a replayed sequence number is dropped, 127 ahead is the last that is new", async () => {
  const controller = await WasmController.enabled(leaseMs);
  const last = controller.seq;
  for (const ahead of [0, 128, 200, 255]) {
    const before = controller.counters.replayed;
    controller.post(MessageType.Hold, undefined, (last + ahead) % 256);
    assert.equal(controller.counters.replayed, before + 1, `${ahead} ahead`);
    assert.deepEqual(controller.takeFrames(), []);
  }
  controller.post(MessageType.Hold, undefined, (last + 127) % 256);
  assert.equal(controller.takeFrames().length, 1);
});

test("a new session brakes and disarms, and forgets what was staged and subscribed", async () => {
  const controller = await WasmController.enabled(leaseMs);
  assert.equal(controller.subscribe(1).code, AckCode.Ok);
  move(controller, 50_000);
  controller.tick(60);
  const part = { chunkId: 2, partCount: 2, t0: controller.now + 200, dt: 20 };
  const rows = [controller.command];
  assert.equal(controller.traj({ ...part, partIndex: 0, rows }).code, AckCode.Ok);
  const velocity = tickStep(controller);
  controller.hello(0x99887766);
  assert.equal(controller.mode, ControllerMode.Idle);
  assert.equal(controller.session, 0x99887766);
  controller.takeFrames();
  assert.ok(runToRest(controller, velocity) <= maxVelocityChange);
  assert.deepEqual(controller.takeFrames(), [], "no STATE of the old subscription");
  assert.equal(controller.enable().code, AckCode.Ok);
  const rest = controller.traj({ ...part, t0: controller.now + 200, partIndex: 1, rows });
  assert.equal(rest.code, AckCode.Range, "the old session's part is gone");
});

test("frames of another session fail the checksum", async () => {
  const controller = await WasmController.enabled(leaseMs);
  const { crc_errors } = controller.counters;
  const { steps } = frameVectors.conversation;
  const lastStep = steps.findLast(({ message }) => message === "SUBSCRIBE")?.wire;
  assert.ok(lastStep, "the conversation ends in another session");
  controller.receive(Buffer.from(`00${lastStep}`, "hex"));
  assert.equal(controller.counters.crc_errors, crc_errors + 1);
});

test("another major version starts no session", async () => {
  const controller = await WasmController.enabled(leaseMs);
  move(controller);
  controller.post(MessageType.Hello, (out) => {
    const length = writeHello(out, 0x01010101);
    out.setUint8(0, 2);
    return length;
  });
  assert.equal(controller.session, frameVectors.session_id);
  assert.equal(controller.mode, ControllerMode.Run);
  const ident = controller.takeFrames().at(-1);
  assert.equal(ident?.type, MessageType.Ident);
  assert.equal(ident?.payload[0], 1);
});

test("STATE tells braking, and once that the ring ran out", async () => {
  const controller = await WasmController.enabled(leaseMs);
  const start = controller.command;
  const row = [(start[0] ?? 0) + 20_000, ...start.slice(1)];
  const part = { chunkId: 5, partIndex: 0, partCount: 1, t0: controller.now + 20, dt: 20 };
  assert.equal(controller.traj({ ...part, rows: [row] }).code, AckCode.Ok);
  controller.tick(21);
  const first = controller.nextState();
  assert.equal(first.flags, StateFlag.Braking | StateFlag.RingRanOut);
  assert.equal(first.mode, ControllerMode.Hold);
  assert.equal(first.chunkId, 5);
  assert.equal(controller.nextState().flags, StateFlag.Braking);
  runToRest(controller, tickStep(controller));
  assert.equal(controller.nextState().flags, 0);
});
