import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterEach, beforeEach, test } from "node:test";

import { portHolders } from "./port-holders.ts";
import { serialConsoles } from "./serial-consoles.ts";
import { findSerialPort, groupName, readSerialPorts } from "./serial-ports.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "omp-machine-"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function write(path: string, text = ""): void {
  const at = join(root, path);
  mkdirSync(dirname(at), { recursive: true });
  writeFileSync(at, text);
}

/** A relative link from `path` to another path below the root, as sysfs makes them. */
function link(path: string, target: string): void {
  const at = join(root, path);
  mkdirSync(dirname(at), { recursive: true });
  symlinkSync(relative(dirname(at), join(root, target)), at);
}

/** What Linux shows of an FTDI cable: the port below its interface below the device. */
function plugFtdi(device: string, usbDevice: string): void {
  const usb = `sys/devices/pci0000:00/usb1/${usbDevice}`;
  const port = `${usb}/${usbDevice}:1.0/${device}`;
  write(`${usb}/idVendor`, "0403\n");
  write(`${usb}/idProduct`, "6001\n");
  write(`${usb}/manufacturer`, "FTDI\n");
  write(`${usb}/product`, "FT232R USB UART\n");
  write(`${usb}/serial`, "A50285BI\n");
  write(`${port}/latency_timer`, "16\n");
  write("sys/bus/usb-serial/drivers/ftdi_sio/module");
  link(`${port}/driver`, "sys/bus/usb-serial/drivers/ftdi_sio");
  write(`${port}/tty/${device}/dev`, "188:0\n");
  link(`${port}/tty/${device}/device`, port);
  link(`sys/class/tty/${device}`, `${port}/tty/${device}`);
  write(`dev/${device}`);
  link(`dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0`, `dev/${device}`);
}

/** A UART as a kernel with the serial-base bus shows it. */
function addUart(device: string, type: number, driver: string): void {
  const hardware = `sys/devices/platform/3100000.serial`;
  const port = `${hardware}/3100000.serial:0/3100000.serial:0.${device}`;
  write("sys/bus/serial-base/drivers/port/uevent");
  link(`${port}/driver`, "sys/bus/serial-base/drivers/port");
  write(`sys/bus/platform/drivers/${driver}/uevent`);
  if (type !== 0 && driver !== "none") {
    link(`${hardware}/driver`, `sys/bus/platform/drivers/${driver}`);
  }
  write(`${port}/tty/${device}/type`, `${type}\n`);
  write(`${port}/tty/${device}/uartclk`, "0\n");
  link(`${port}/tty/${device}/device`, port);
  link(`sys/class/tty/${device}`, `${port}/tty/${device}`);
  write(`dev/${device}`);
}

test("a machine without sysfs has no port", () => {
  assert.deepEqual(readSerialPorts(root), []);
});

test("ports are told with what they are, named ones first, without consoles and placeholders", () => {
  addUart("ttyTHS1", 72, "serial-tegra");
  addUart("ttyS3", 0, "none");
  write("sys/devices/virtual/tty/tty1/dev", "4:1\n");
  link("sys/class/tty/tty1", "sys/devices/virtual/tty/tty1");
  plugFtdi("ttyUSB10", "1-2");
  chmodSync(join(root, "dev/ttyUSB10"), 0o640);

  const ports = readSerialPorts(root);
  assert.deepEqual(
    ports.map(({ device }) => device),
    ["ttyUSB10", "ttyTHS1"],
  );
  const [ftdi, uart] = ports;
  assert.equal(ftdi?.byId, "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0");
  assert.equal(ftdi.path, "/dev/ttyUSB10");
  assert.equal(ftdi.driver, "ftdi_sio");
  assert.equal(ftdi.latencyTimerMs, 16);
  assert.deepEqual(ftdi.usb, {
    vendorId: "0403",
    productId: "6001",
    manufacturer: "FTDI",
    product: "FT232R USB UART",
    serial: "A50285BI",
  });
  assert.equal((ftdi.access?.mode ?? 0) & 0o777, 0o640);
  assert.equal(uart?.driver, "serial-tegra", "not the bus between it and its driver");
  assert.equal(uart.usb, undefined);
  assert.equal(uart.latencyTimerMs, undefined);
  assert.equal(uart.uartClockHz, undefined, "0 is not a clock");
});

test("a port is found by any name that leads to it", () => {
  plugFtdi("ttyUSB0", "1-1");
  const byId = "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0";
  assert.equal(findSerialPort(byId, root)?.latencyTimerMs, 16);
  assert.equal(findSerialPort("/dev/ttyUSB0", root)?.byId, byId);
  assert.equal(findSerialPort("/dev/ttyUSB1", root), undefined);
  write("dev/pts/7");
  const terminal = findSerialPort("/dev/pts/7", root);
  assert.equal(terminal?.path, "/dev/pts/7");
  assert.ok(terminal.access !== undefined);
});

test("holders are read from the open files of every process", () => {
  plugFtdi("ttyUSB0", "1-1");
  for (const [pid, name, file] of [
    ["12", "ModemManager", "/dev/ttyUSB0"],
    ["7", "bash", "/dev/null"],
    ["3", "picocom", "/dev/ttyUSB0"],
  ] as const) {
    write(`proc/${pid}/comm`, `${name}\n`);
    mkdirSync(join(root, `proc/${pid}/fd`));
    symlinkSync(file, join(root, `proc/${pid}/fd/4`));
  }
  write("proc/cpuinfo");
  assert.deepEqual(portHolders("/dev/ttyUSB0", root), {
    holders: [
      { pid: 3, name: "picocom" },
      { pid: 12, name: "ModemManager" },
    ],
    isComplete: true,
  });
  write("proc/99/comm", "secret\n");
  assert.equal(portHolders("/dev/ttyUSB0", root).isComplete, false);
});

test("what talks on a UART by itself is found", () => {
  write("proc/cmdline", "root=/dev/mmcblk0p1 console=ttyTHS1,115200 console=tty0\n");
  write("etc/systemd/system/multi-user.target.wants/nvgetty.service");
  write("etc/systemd/system/getty.target.wants/serial-getty@ttyTHS1.service");
  write("etc/systemd/system/getty.target.wants/getty@tty1.service");
  assert.deepEqual(serialConsoles("ttyTHS1", root).sort(), [
    "kernel messages",
    "nvgetty.service",
    "serial-getty@ttyTHS1.service",
  ]);
  assert.deepEqual(serialConsoles("ttyTHS11", root), ["nvgetty.service"]);
  assert.deepEqual(serialConsoles("ttyUSB0", root), []);
});

test("groups have names", () => {
  write("etc/group", "root:x:0:\ndialout:x:20:ann,bob\n");
  assert.equal(groupName(20, root), "dialout");
  assert.equal(groupName(986, root), "986");
});
