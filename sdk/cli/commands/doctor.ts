import { fileURLToPath } from "node:url";

import {
  findSerialPort,
  readSerialPorts,
  type SerialPortFacts,
} from "../../../firmware-bridge/src/serial-ports/serial-ports.ts";
import type { SerialDriver } from "../../../firmware-bridge/src/transport/serial-transport.ts";
import { ErrorCode, OmpError } from "../../src/errors.ts";
import type { Command } from "../command.ts";
import { parseCommand } from "../command-options.ts";
import {
  diagnoseHost,
  type HostDiagnosis,
  hostJson,
  hostLines,
} from "../doctor/host/host-diagnosis.ts";
import {
  diagnose,
  diagnoseAndTime,
  diagnosisJson,
  diagnosisLines,
  hasProblem,
  type ProbeOptions,
  type SerialDiagnosis,
} from "../doctor/serial-diagnosis.ts";

const bundledPolicy = fileURLToPath(
  new URL("models/bundles/so101-push", import.meta.resolve("omp-edge/package.json")),
);
const drivers: readonly SerialDriver[] = ["linux-tty", "serialport"];

/** Finds out what stands between this machine and a robot that moves on time. */
export const doctor: Command = {
  summary: "check this computer and its serial ports, and say what to type",
  usage: `usage: omp doctor [--host] [--serial [PORT]] [options]

Looks at the computer (--host) or at its serial ports (--serial); at both when neither is asked for. Nothing is changed.

--host: board, JetPack, power mode, clocks, heat, kernel, whether threads may be SCHED_FIFO and what refuses it, how late a thread wakes
up and so what rate a loop may have, every execution provider of onnxruntime on the bundled policy, disk. The jitter is that of the load at
the time: run what the robot runs meanwhile.

  --jitter-s N   how long the jitter is measured, s, 1 to 600, default 5

--serial: the ports of a Linux machine, those with a name that survives a replug first: may you open it, who has it
open, does a login prompt or the kernel write on it, the latency timer of an FTDI chip (which is also what the flag low_latency sets),
stop bits on a Jetson's UART, whether the chip reaches the baud rate. Nothing is opened.

With PORT it looks at that one only, opens it, sends HELLO and times a controller that answers. A controller in motion then brakes, as with
every new session; a board whose reset hangs on DTR may reset.

  --baud N       Bd, default 1000000
  --driver NAME  linux-tty or serialport; default as for SerialLink

  --json         --host: an object; --serial: an array with an object a port; both: {"host": …, "serial": …}

Exit status: 0 nothing is wrong, 1 something is, 2 wrong call.`,

  async run(args) {
    const options = parseCommand(
      args,
      {
        host: { type: "boolean" },
        "jitter-s": { type: "string" },
        serial: { type: "boolean" },
        baud: { type: "string" },
        driver: { type: "string" },
        json: { type: "boolean" },
      },
      ["[PORT]"],
    );
    const [path] = options.operands;
    const isSerial = options.flag("serial") || !options.flag("host");
    const isHost = options.flag("host") || !options.flag("serial");
    if (path !== undefined && !options.flag("serial")) {
      throw new OmpError(ErrorCode.InvalidArgument, {
        what: `${path} is no option of omp doctor`,
        expected: `--serial ${path}`,
      });
    }
    const jitterMs = 1000 * options.integer("jitter-s", 5, 1, 600);
    const baudRate = options.integer("baud", 1_000_000, 1200, 12_000_000);
    const chosen = options.choice("driver", drivers);
    const driver = drivers.find((name) => name === chosen);
    const host = isHost ? await diagnoseHost({ bundle: bundledPolicy, jitterMs }) : undefined;
    const serial = isSerial ? await diagnosePorts(path, { baudRate, driver }) : undefined;
    show(host, serial, options.flag("json"));
    const isWrong =
      host?.findings.some(({ level }) => level === "problem") === true ||
      serial?.some(hasProblem) === true;
    return isWrong ? 1 : 0;
  },
};

async function diagnosePorts(
  path: string | undefined,
  options: ProbeOptions,
): Promise<readonly SerialDiagnosis[]> {
  if (path !== undefined) return [await diagnoseAndTime(requirePort(path), options)];
  return readSerialPorts().map((port) => diagnose(port, options.baudRate));
}

function requirePort(path: string): SerialPortFacts {
  const port = findSerialPort(path);
  if (port !== undefined) return port;
  const present = readSerialPorts().map(({ byId, path: other }) => byId ?? other);
  throw new OmpError(ErrorCode.LinkOpenFailed, {
    what: `there is no ${path}`,
    expected: `one of ${present.join(", ") || "none: no serial port was found"}`,
    next: "Is the cable plugged in at both ends, and the controller powered? `dmesg -w` shows what the kernel makes of a plug.",
  });
}

function show(
  host: HostDiagnosis | undefined,
  serial: readonly SerialDiagnosis[] | undefined,
  isJson: boolean,
): void {
  if (isJson) {
    const sections = {
      ...(host !== undefined && { host: hostJson(host) }),
      ...(serial !== undefined && { serial: serial.map(diagnosisJson) }),
    };
    const [first, ...others] = Object.values(sections);
    console.log(JSON.stringify(others.length === 0 ? first : sections, undefined, 2));
    return;
  }
  if (host !== undefined) console.log(["this computer", ...hostLines(host)].join("\n"));
  if (serial?.length === 0) console.log("no serial port was found");
  for (const diagnosis of serial ?? []) console.log(diagnosisLines(diagnosis).join("\n"));
}
