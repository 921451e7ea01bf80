import { realpathSync, statSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";

import { linkOf, namesIn, numberOf, targetOf, textOf } from "../system-files.ts";

/** A USB device as it describes itself; ids are four hexadecimal digits. */
export interface UsbDevice {
  readonly vendorId: string;
  readonly productId: string;
  readonly manufacturer: string | undefined;
  readonly product: string | undefined;
  readonly serial: string | undefined;
}

/** A serial port as Linux describes it. */
export interface SerialPortFacts {
  /** "ttyUSB0" */
  readonly device: string;
  /** "/dev/ttyUSB0"; another one may get this name after a replug. */
  readonly path: string;
  /** "/dev/serial/by-id/…": the name that survives a replug. Only USB devices have one. */
  readonly byId: string | undefined;
  /** Kernel driver: "ftdi_sio", "cdc_acm", "serial-tegra". */
  readonly driver: string | undefined;
  readonly usb: UsbDevice | undefined;
  /** Of the device node; undefined when there is none. */
  readonly access:
    { readonly mode: number; readonly uid: number; readonly gid: number } | undefined;
  /** FTDI only: how long the chip keeps received bytes before it sends a packet that is not full, ms. */
  readonly latencyTimerMs: number | undefined;
  /** Of a UART of the board: its clock, Hz. It reaches a sixteenth of this, Bd. */
  readonly uartClockHz: number | undefined;
}

/**
 * The serial ports of the machine whose root folder this is, those with a by-id name first. Ports that are only placeholders of the
 * kernel are left out. Empty where there is no sysfs.
 */
export function readSerialPorts(root: string = "/"): SerialPortFacts[] {
  const classFolder = join(root, "sys/class/tty");
  const byIds = byIdNames(root);
  return (namesIn(classFolder) ?? [])
    .map((device) => readPort(root, join(classFolder, device), device, byIds.get(device)))
    .filter((port) => port !== undefined)
    .sort(byNameAndIndex);
}

/**
 * The port that `path` leads to. A terminal that is not in {@link readSerialPorts}, as a pseudo-terminal, has a device node and nothing
 * else; undefined when there is nothing at `path`.
 */
export function findSerialPort(path: string, root: string = "/"): SerialPortFacts | undefined {
  const node = targetOf(join(root, path));
  if (node === undefined) return undefined;
  const device = basename(node);
  const listed = readSerialPorts(root).find((port) => port.device === device);
  if (listed !== undefined) return listed;
  return {
    device,
    path: `/${relative(realpathSync(root), node)}`,
    byId: undefined,
    driver: undefined,
    usb: undefined,
    access: accessOf(node),
    latencyTimerMs: undefined,
    uartClockHz: undefined,
  };
}

/** The group's name, or its number when /etc/group does not name it. */
export function groupName(gid: number, root: string = "/"): string {
  const lines = textOf(join(root, "etc/group"))?.split("\n") ?? [];
  const found = lines.map((line) => line.split(":")).find((fields) => fields[2] === `${gid}`);
  return found?.[0] ?? `${gid}`;
}

function readPort(
  root: string,
  folder: string,
  device: string,
  byId: string | undefined,
): SerialPortFacts | undefined {
  const hardware = targetOf(join(folder, "device"));
  // A terminal without a device is a console; a UART of type 0 was not found.
  if (hardware === undefined || textOf(join(folder, "type")) === "0") return undefined;
  return {
    device,
    path: `/dev/${device}`,
    byId,
    driver: driverOf(hardware, root),
    usb: readUsb(hardware, root),
    access: accessOf(join(root, "dev", device)),
    latencyTimerMs: numberOf(join(hardware, "latency_timer")),
    uartClockHz: numberOf(join(folder, "uartclk")) || undefined,
  };
}

/** `folder` and what it is part of, from the inside out. */
function* partsAround(folder: string, root: string): Generator<string> {
  const top = join(realpathSync(root), "sys");
  for (let at = folder; at.startsWith(top) && at !== top; at = dirname(at)) yield at;
}

/** Recent kernels put a bus of their own, serial-base, between a UART and its driver. */
function driverOf(hardware: string, root: string): string | undefined {
  for (const part of partsAround(hardware, root)) {
    const driver = targetOf(join(part, "driver"));
    if (driver !== undefined && !driver.includes("/serial-base/")) return basename(driver);
  }
  return undefined;
}

function readUsb(hardware: string, root: string): UsbDevice | undefined {
  for (const at of partsAround(hardware, root)) {
    const vendorId = textOf(join(at, "idVendor"));
    const productId = textOf(join(at, "idProduct"));
    if (vendorId === undefined || productId === undefined) continue;
    return {
      vendorId,
      productId,
      manufacturer: textOf(join(at, "manufacturer")),
      product: textOf(join(at, "product")),
      serial: textOf(join(at, "serial")),
    };
  }
  return undefined;
}

/** By-id names by the device they lead to. */
function byIdNames(root: string): Map<string, string> {
  const folder = join(root, "dev/serial/by-id");
  const names = new Map<string, string>();
  for (const name of namesIn(folder) ?? []) {
    const target = linkOf(join(folder, name));
    if (target !== undefined) names.set(basename(target), `/dev/serial/by-id/${name}`);
  }
  return names;
}

function byNameAndIndex(a: SerialPortFacts, b: SerialPortFacts): number {
  const isNamed = Number(b.byId !== undefined) - Number(a.byId !== undefined);
  return isNamed || a.device.localeCompare(b.device, "en", { numeric: true });
}

function accessOf(path: string): SerialPortFacts["access"] {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? undefined : { mode: stats.mode, uid: stats.uid, gid: stats.gid };
}
