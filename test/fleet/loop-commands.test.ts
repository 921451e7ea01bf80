import assert from "node:assert/strict";
import { test } from "node:test";

import { FleetOperator, loopCommands } from "../../firmware-bridge/src/fleet/index.ts";
import { TinyLoop } from "../pipeline/tiny-loop.ts";
import { startBroker, startRobot, until, Wire } from "./fleet-fixture.ts";

const timeout = 60_000;
const rearm = { kind: "rearm", arguments: {} } as const;
const hold = { kind: "hold", arguments: {} } as const;

test(
  "a moving loop is stopped from remote, stays still over a reconnect, and goes on after a fresh rearm",
  { timeout },
  async (t) => {
    const tiny = await TinyLoop.create();
    await tiny.loop.start();
    await tiny.run(300);
    assert.equal(tiny.loop.state, "running");
    const broker = await startBroker(t);
    const wire = await Wire.start(t, broker.port);
    const robot = await startRobot(t, wire.url, {
      commands: { handlers: loopCommands(() => tiny.loop, { allowRearm: true }) },
    });
    const operator = await FleetOperator.connect({ brokerUrl: broker.url, issuer: "ops" });
    t.after(() => operator.close());
    const isHeard = (): boolean => {
      const seen = operator.watch.robot("arm-7");
      return seen?.heartbeat?.birthSequence === robot.reconnects + 1;
    };
    await until(isHeard);

    assert.equal((await operator.send("arm-7", hold)).outcome, "done");
    assert.equal(tiny.loop.state, "holding");
    await tiny.run(500);
    assert.equal(tiny.loop.state, "holding", "a hold is not left by itself");

    assert.equal((await operator.stop("arm-7")).outcome, "done");
    assert.equal(tiny.loop.state, "faulted");
    await tiny.run(200);
    const at = tiny.command;
    wire.cut();
    await until(() => robot.reconnects === 1 && robot.isConnected && isHeard());
    await tiny.run(1000);
    assert.equal(tiny.loop.state, "faulted");
    assert.equal(tiny.command, at, "nothing moved");

    const done = operator.send("arm-7", rearm);
    await until(() => tiny.loop.state !== "faulted");
    await tiny.run(1000);
    assert.equal((await done).outcome, "done");
    assert.equal(tiny.loop.state, "running");
    assert.notEqual(tiny.command, at);
    const stopping = tiny.loop.stop();
    await tiny.run(300);
    await stopping;
  },
);

test("a loop that does not run yet and one that may not be rearmed say so", async () => {
  assert.throws(() => {
    loopCommands(() => undefined).stop();
  }, /INVALID_STATE/);
  const tiny = await TinyLoop.create();
  assert.equal(loopCommands(() => tiny.loop).rearm, undefined);
});
