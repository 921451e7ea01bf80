import { isTermiosBaudRate } from "../transport/linux-tty-transport.ts";
import type { PortHolders } from "./port-holders.ts";
import type { SerialPortFacts } from "./serial-ports.ts";

/** "problem" must be put right, "advice" makes it better, "unknown" could not be found out. */
export type FindingLevel = "ok" | "advice" | "problem" | "unknown";

/** What one check found about one port. */
export interface PortFinding {
  readonly check:
    "name" | "permission" | "holder" | "console" | "latency" | "stop_bits" | "baud_rate";
  readonly level: FindingLevel;
  /** For people, without a full stop. */
  readonly text: string;
  /** What to type, when there is something. */
  readonly fix?: string;
}

/** Everything the checks know. */
export interface PortSituation {
  readonly port: SerialPortFacts;
  readonly holders: PortHolders;
  readonly user: { readonly name: string; readonly uid: number; readonly gids: readonly number[] };
  /** Name of the group that the device node belongs to. */
  readonly group: string;
  /** What writes on the port by itself: "nvgetty.service", "kernel messages". */
  readonly consoles: readonly string[];
  /** Bd, wanted. */
  readonly baudRate: number;
}

/** What there is to say about a port before it is opened. */
export function judgePort(situation: PortSituation): PortFinding[] {
  const { port } = situation;
  return [
    ...judgeName(port),
    judgePermission(situation),
    ...judgeHolders(port, situation.holders),
    ...situation.consoles.map((name) => judgeConsole(name, port)),
    ...judgeLatency(port),
    ...judgeStopBits(port),
    judgeBaudRate(port, situation.baudRate),
  ];
}

const udevRules = "/etc/udev/rules.d/60-omp-serial.rules";

/** A rule that holds after every replug, and what makes udev read it now. */
function addUdevRule(rule: string): string {
  return `echo '${rule}' | sudo tee -a ${udevRules} && sudo udevadm control --reload && sudo udevadm trigger`;
}

function judgeName({ path, byId, usb }: SerialPortFacts): PortFinding[] {
  if (byId !== undefined || usb === undefined) return [];
  const text = `it has no name under /dev/serial/by-id: after a replug ${path} may be another device`;
  return [{ check: "name", level: "advice", text }];
}

function judgePermission({ port, user, group }: PortSituation): PortFinding {
  const check = "permission";
  const { access } = port;
  if (access === undefined) return { check, level: "problem", text: `${port.path} is not there` };
  const allows = (shift: number): boolean => ((access.mode >> shift) & 0o6) === 0o6;
  if (user.uid === 0) return { check, level: "ok", text: "root may open it" };
  if (allows(6) && user.uid === access.uid) return { check, level: "ok", text: "you own it" };
  if (allows(3) && user.gids.includes(access.gid)) {
    return { check, level: "ok", text: `you are in the group ${group}` };
  }
  if (allows(0)) return { check, level: "ok", text: "everybody may open it" };
  if (allows(3) && access.gid !== 0) {
    return {
      check,
      level: "problem",
      text: `only the group ${group} may open it, and ${user.name} is not in it`,
      fix: `sudo usermod -aG ${group} ${user.name}   # then log in again`,
    };
  }
  const rule = `SUBSYSTEM=="tty", KERNEL=="${port.device}", GROUP="dialout", MODE="0660"`;
  return { check, level: "problem", text: "only root may open it", fix: addUdevRule(rule) };
}

function judgeHolders(port: SerialPortFacts, { holders, isComplete }: PortHolders): PortFinding[] {
  const check = "holder";
  // A pseudo-terminal's far end may have it open.
  if (port.path.startsWith("/dev/pts/")) return [];
  const names = holders.map(({ name, pid }) => `${name} (pid ${pid})`).join(", ");
  if (holders.some(({ name }) => name === "ModemManager")) {
    const fix = "sudo systemctl disable --now ModemManager";
    return [{ check, level: "problem", text: `${names} has it open and looks for a modem`, fix }];
  }
  if (holders.length > 0) return [{ check, level: "problem", text: `${names} has it open` }];
  if (isComplete) return [{ check, level: "ok", text: "nobody has it open" }];
  const text = "none of your processes has it open; those of other users only root can see";
  return [{ check, level: "unknown", text }];
}

function judgeConsole(name: string, { device }: SerialPortFacts): PortFinding {
  const check = "console";
  if (name.endsWith(".service")) {
    const text = `${name} is enabled: it writes a login prompt and takes what arrives`;
    return { check, level: "problem", text, fix: `sudo systemctl disable --now ${name}` };
  }
  return {
    check,
    level: "problem",
    text: `${name} go out on it`,
    fix: `# take console=${device} off the kernel's command line (APPEND in /boot/extlinux/extlinux.conf on a Jetson), boot again`,
  };
}

function judgeLatency({ device, latencyTimerMs }: SerialPortFacts): PortFinding[] {
  const check = "latency";
  if (latencyTimerMs === undefined) return [];
  if (latencyTimerMs <= 1) {
    return [{ check, level: "ok", text: `the chip's latency timer is ${latencyTimerMs} ms` }];
  }
  const rule =
    'ACTION=="add", SUBSYSTEM=="usb-serial", DRIVER=="ftdi_sio", ATTR{latency_timer}="1"';
  return [
    {
      check,
      level: "problem",
      text: `the chip keeps what it received for up to ${latencyTimerMs} ms (latency timer); 1 ms is right`,
      fix: `echo 1 | sudo tee /sys/bus/usb-serial/devices/${device}/latency_timer; ${addUdevRule(rule)}`,
    },
  ];
}

function judgeStopBits({ device, driver }: SerialPortFacts): PortFinding[] {
  if (!device.startsWith("ttyTHS") && driver !== "serial-tegra") return [];
  const text =
    "a Jetson's UART receives reliably only with two stop bits: the controller must send 8N2, as omp-edge does";
  return [{ check: "stop_bits", level: "advice", text }];
}

/**
 * Highest rates, Bd, by USB ids: from the data sheets of FTDI and WCH, and for the CP2102 from the Linux driver, which does not vouch for
 * more. A CP2102N has the same ids and another product name.
 */
const usbBaudRates: Readonly<Record<string, readonly [chip: string, maxBaudRate: number]>> = {
  "0403:6001": ["FT232R", 3_000_000],
  "0403:6010": ["FT2232H", 12_000_000],
  "0403:6011": ["FT4232H", 12_000_000],
  "0403:6014": ["FT232H", 12_000_000],
  "0403:6015": ["FT230X", 3_000_000],
  "10c4:ea60": ["CP2102", 921_600],
  "1a86:7523": ["CH340", 2_000_000],
};
/** Beyond, a Tegra's UART has been seen to lose bytes. */
const tegraBaudRate = 2_000_000;

function judgeBaudRate(port: SerialPortFacts, baudRate: number): PortFinding {
  const check = "baud_rate";
  const [chip, max] = highestBaudRate(port);
  if (max !== undefined && baudRate > max) {
    return { check, level: "problem", text: `${chip} reaches ${max} Bd, not ${baudRate}` };
  }
  if (!isTermiosBaudRate(baudRate)) {
    const text = `${baudRate} Bd has no constant in termios: only driver "serialport" sets it`;
    return { check, level: "advice", text };
  }
  if (port.driver === "cdc_acm") {
    return { check, level: "ok", text: "a USB CDC device has no line whose rate could be wrong" };
  }
  if (max === undefined) {
    return { check, level: "unknown", text: `whether it reaches ${baudRate} Bd cannot be read` };
  }
  return { check, level: "ok", text: `${chip} reaches ${max} Bd` };
}

function highestBaudRate(port: SerialPortFacts): readonly [chip: string, max: number | undefined] {
  const { usb, uartClockHz, driver } = port;
  if (usb?.product?.includes("CP2102N") === true) return ["a CP2102N", 3_000_000];
  const known = usb === undefined ? undefined : usbBaudRates[`${usb.vendorId}:${usb.productId}`];
  if (known !== undefined) return [`a ${known[0]}`, known[1]];
  if (driver === "serial-tegra") return ["a Tegra's UART safely", tegraBaudRate];
  if (uartClockHz === undefined) return ["it", undefined];
  return [`a UART with a clock of ${uartClockHz} Hz`, Math.floor(uartClockHz / 16)];
}
