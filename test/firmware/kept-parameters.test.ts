import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { SerialLink } from "../../firmware-bridge/src/serial.ts";
import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";
import { PtyFirmware, ptyFirmwareSkip } from "../conformance/pty-firmware.ts";

const skip = ptyFirmwareSkip ?? false;

async function failAction(link: SerialLink): Promise<string | undefined> {
  return (await link.readParameters()).joints[1]?.failAction;
}

test("parameters outlive a reset, a damaged file faults and is replaced", { skip }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "omp-params-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "params");
  const firmware = await PtyFirmware.start("--params", file);
  t.after(() => firmware.close());
  const link = new SerialLink({ clock: new MonotonicClock(), path: firmware.path });
  t.after(() => link.close());
  const details: string[] = [];
  link.on("stateChanged", (_state, detail) => details.push(detail));

  await link.connect();
  await link.writeParameters({ joints: { shoulder_lift: { failAction: "damp" } } });
  await link.close();
  await firmware.command("reset");
  await link.connect();
  assert.equal(await failAction(link), "damp");

  await link.close();
  const kept = await readFile(file);
  kept[10] = (kept[10] ?? 0) ^ 1;
  await writeFile(file, kept);
  await firmware.command("reset");
  await link.connect();
  assert.equal(link.state, "faulted");
  assert.match(details.join("\n"), /CONFIG \(the kept parameters are damaged/);
  assert.equal(await failAction(link), "hold", "the joint table's");
  await assert.rejects(link.arm(100), { code: "INVALID_STATE" });
  await link.clearFault();
  await link.arm(100);
  await link.close();
  await firmware.command("reset");
  await link.connect();
  assert.equal(link.state, "idle", "what was in effect has been kept");
});

test("what the host firmware does not measure cannot be limited", { skip }, async (t) => {
  const firmware = await PtyFirmware.start();
  t.after(() => firmware.close());
  const link = new SerialLink({ clock: new MonotonicClock(), path: firmware.path });
  t.after(() => link.close());
  await link.connect();
  const refused = { code: "LINK_REFUSED", message: /RANGE/ };
  await assert.rejects(link.writeParameters({ joints: { gripper: { maxEffort: 1 } } }), refused);
  await assert.rejects(link.writeParameters({ minVoltage: 11 }), refused);
  await link.writeParameters({ joints: { gripper: { followingError: 0.5 } } });
});
