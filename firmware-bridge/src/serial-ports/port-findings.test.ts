import assert from "node:assert/strict";
import { test } from "node:test";

import { judgePort, type PortFinding, type PortSituation } from "./port-findings.ts";
import type { SerialPortFacts } from "./serial-ports.ts";

const ftdi: SerialPortFacts = {
  device: "ttyUSB0",
  path: "/dev/ttyUSB0",
  byId: "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0",
  driver: "ftdi_sio",
  usb: {
    vendorId: "0403",
    productId: "6001",
    manufacturer: "FTDI",
    product: "FT232R USB UART",
    serial: "A50285BI",
  },
  access: { mode: 0o20660, uid: 0, gid: 20 },
  latencyTimerMs: 1,
  uartClockHz: undefined,
};
const bridge: SerialPortFacts = {
  ...ftdi,
  driver: "cp210x",
  latencyTimerMs: undefined,
  usb: {
    vendorId: "10c4",
    productId: "ea60",
    manufacturer: "Silicon Labs",
    product: "CP2102 USB to UART Bridge Controller",
    serial: undefined,
  },
};
const uart: SerialPortFacts = {
  ...ftdi,
  device: "ttyTHS1",
  path: "/dev/ttyTHS1",
  byId: undefined,
  driver: "serial-tegra",
  usb: undefined,
  latencyTimerMs: undefined,
};
const ann = { name: "ann", uid: 1000, gids: [1000, 20] };

function judge(port: SerialPortFacts, more: Partial<PortSituation> = {}): PortFinding[] {
  return judgePort({
    port,
    holders: { holders: [], isComplete: true },
    user: ann,
    group: "dialout",
    consoles: [],
    baudRate: 1_000_000,
    ...more,
  });
}

function only(findings: readonly PortFinding[], check: PortFinding["check"]): PortFinding {
  const found = findings.filter((finding) => finding.check === check);
  assert.equal(found.length, 1, `one finding on ${check}`);
  return found[0] ?? assert.fail();
}

test("a port that is set up well has nothing against it", () => {
  assert.deepEqual([...new Set(judge(ftdi).map(({ level }) => level))], ["ok"]);
});

test("who may not open a port is told what to type", () => {
  const stranger = { name: "bob", uid: 1001, gids: [1001] };
  const denied = only(judge(ftdi, { user: stranger }), "permission");
  assert.equal(denied.level, "problem");
  assert.match(denied.fix ?? "", /^sudo usermod -aG dialout bob /);

  const rootOnly = { ...ftdi, access: { mode: 0o20600, uid: 0, gid: 0 } };
  const closed = only(judge(rootOnly), "permission");
  assert.equal(closed.level, "problem");
  assert.match(closed.fix ?? "", /KERNEL=="ttyUSB0", GROUP="dialout", MODE="0660"/);

  const missing = only(judge({ ...ftdi, access: undefined }), "permission");
  assert.equal(missing.level, "problem");
});

function permissionOf(mode: number, user: PortSituation["user"]): string {
  const port = { ...ftdi, access: { mode, uid: 1000, gid: 20 } };
  return only(judge(port, { user }), "permission").level;
}

test("root, the owner, the group and everybody may open what its mode allows", () => {
  assert.equal(permissionOf(0o20000, { name: "root", uid: 0, gids: [0] }), "ok");
  assert.equal(permissionOf(0o20600, { ...ann, gids: [] }), "ok");
  assert.equal(permissionOf(0o20060, { ...ann, uid: 7 }), "ok");
  assert.equal(permissionOf(0o20666, { ...ann, uid: 7, gids: [] }), "ok");
  assert.equal(permissionOf(0o20640, { ...ann, uid: 7 }), "problem", "reading is not enough");
});

test("holders are named", () => {
  const holders = [{ pid: 3, name: "picocom" }];
  assert.match(
    only(judge(ftdi, { holders: { holders, isComplete: false } }), "holder").text,
    /picocom \(pid 3\)/,
  );
  const modem = { holders: [{ pid: 12, name: "ModemManager" }], isComplete: true };
  assert.match(
    only(judge(ftdi, { holders: modem }), "holder").fix ?? "",
    /disable --now ModemManager/,
  );
  const unseen = { holders: [], isComplete: false };
  assert.equal(only(judge(ftdi, { holders: unseen }), "holder").level, "unknown");
});

test("a slow latency timer is a problem with a fix for now and for the next plug", () => {
  const slow = only(judge({ ...ftdi, latencyTimerMs: 16 }), "latency");
  assert.equal(slow.level, "problem");
  assert.match(slow.text, /16 ms/);
  assert.match(slow.fix ?? "", /usb-serial\/devices\/ttyUSB0\/latency_timer/);
  assert.match(slow.fix ?? "", /ATTR\{latency_timer\}="1"/);
});

test("a Jetson's UART is told about its stop bits and its login prompt", () => {
  const findings = judge(uart, { consoles: ["nvgetty.service", "kernel messages"] });
  assert.match(only(findings, "stop_bits").text, /8N2/);
  const consoles = findings.filter(({ check }) => check === "console");
  assert.equal(consoles[0]?.fix, "sudo systemctl disable --now nvgetty.service");
  assert.match(consoles[1]?.fix ?? "", /console=ttyTHS1/);
  assert.deepEqual(
    findings.filter(({ check }) => check === "name"),
    [],
    "a UART needs no by-id name",
  );
});

test("a chip that does not reach the baud rate is a problem", () => {
  assert.equal(only(judge(ftdi, { baudRate: 4_000_000 }), "baud_rate").level, "problem");
  assert.equal(only(judge(bridge), "baud_rate").level, "problem");
  const product = "CP2102N USB to UART Bridge Controller";
  const newer = { ...bridge, usb: { ...(bridge.usb ?? assert.fail()), product } };
  assert.equal(only(judge(newer), "baud_rate").level, "ok");
  assert.equal(
    only(judge({ ...uart, driver: "serial", uartClockHz: 1_843_200 }), "baud_rate").level,
    "problem",
  );
  assert.equal(
    only(judge({ ...uart, driver: "serial", uartClockHz: 16_000_000 }), "baud_rate").level,
    "ok",
  );
  assert.equal(only(judge({ ...uart, driver: "pl011" }), "baud_rate").level, "unknown");
  const odd = only(judge(ftdi, { baudRate: 250_000 }), "baud_rate");
  assert.equal(odd.level, "advice");
  assert.match(odd.text, /serialport/);
});

test("a USB port without a lasting name is advised against", () => {
  assert.equal(only(judge({ ...ftdi, byId: undefined }), "name").level, "advice");
});
