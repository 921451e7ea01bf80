import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { afterEach, beforeEach, describe, test } from "node:test";

import { ControllerLink } from "../../firmware-bridge/src/controller-link.ts";
import { FaultInjector } from "../../firmware-bridge/src/transport/fault-injector.ts";
import {
  FirmwareCore,
  firmwareCorePath,
} from "../../firmware-bridge/src/transport/firmware-core.ts";
import { openWasmTransport } from "../../firmware-bridge/src/transport/wasm-transport.ts";
import { createRandom } from "../../sdk/src/random.ts";
import { VirtualTime } from "../conformance/virtual-time.ts";

const skip = existsSync(firmwareCorePath()) ? false : "the WASM core is not built";
const leaseMs = 200;
const silenceTimeoutMs = 2000;

describe("a link whose line fails without a word", { skip }, () => {
  let time: VirtualTime;
  let cable: FaultInjector;
  let link: ControllerLink;
  let details: string[];

  beforeEach(async () => {
    const core = await FirmwareCore.load();
    time = new VirtualTime(() => {
      core.tick();
    });
    const { clock } = time;
    cable = new FaultInjector(openWasmTransport(core), { clock, random: createRandom(1) });
    const { openTransport } = cable;
    link = new ControllerLink({ name: "core on a cable", clock, openTransport, silenceTimeoutMs });
    details = [];
    link.on("stateChanged", (state, detail) => details.push(`${state} ${detail}`));
    await time.run(link.connect());
    await time.run(link.arm(leaseMs));
  });
  afterEach(async () => {
    await time.run(link.close());
  });

  async function beat(ms: number): Promise<void> {
    for (let i = 0; i < ms; i++) {
      link.heartbeat();
      await time.pass(1);
    }
  }

  test("nothing reaches the controller: its lease ends, and the host hears of the fault", async () => {
    cable.halfOpen("toController");
    await beat(leaseMs + 50);
    assert.equal(link.state, "faulted");
    assert.match(details.at(-1) ?? "", /lease/i);
    await assert.rejects(time.run(link.clearFault()), { code: "LINK_TIMEOUT" });
    cable.replug();
    await time.run(link.clearFault());
    assert.equal(link.state, "idle");
  });

  test("nothing reaches the host: it gives the controller up and names the silence", async () => {
    cable.halfOpen("toHost");
    await beat(silenceTimeoutMs + 300);
    assert.equal(link.state, "closed");
    assert.match(details.at(-1) ?? "", /sent nothing for \d+ ms/);
    cable.replug();
    await time.run(link.connect());
    assert.match(link.state, /^(idle|faulted)$/);
  });

  test("a stall shorter than the lease changes nothing, a longer one latches the lease", async () => {
    cable.stall("toController");
    await beat(leaseMs / 2);
    cable.resume();
    await beat(leaseMs);
    assert.equal(link.state, "armed");
    cable.stall("toController");
    await beat(leaseMs + 50);
    cable.resume();
    await beat(50);
    assert.equal(link.state, "faulted", "what was held does not renew the lease of before");
  });

  test("an unplugged cable closes the link and refuses connect until the replug", async () => {
    cable.unplug();
    assert.equal(link.state, "closed");
    assert.match(details.at(-1) ?? "", /unplugged/);
    await assert.rejects(time.run(link.connect()), { code: "LINK_OPEN_FAILED" });
    cable.replug();
    await time.run(link.connect());
  });
});
