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
  diagnose,
  diagnoseAndTime,
  diagnosisJson,
  diagnosisLines,
  hasProblem,
  type SerialDiagnosis,
} from "../doctor/serial-diagnosis.ts";

const drivers: readonly SerialDriver[] = ["linux-tty", "serialport"];

/** Finds out what stands between this machine and a motor controller. */
export const doctor: Command = {
  summary: "check serial ports and say what to type",
  usage: `usage: omp doctor --serial [PORT] [options]

Lists the serial ports of a Linux machine, those with a name that survives a replug first, and checks each: may you open it, who has it
open, does a login prompt or the kernel write on it, the latency timer of an FTDI chip (which is also what the flag low_latency sets),
stop bits on a Jetson's UART, whether the chip reaches the baud rate. Nothing is opened and nothing is changed.

With PORT it looks at that one only, opens it, sends HELLO and times a controller that answers. A controller in motion then brakes, as with
every new session; a board whose reset hangs on DTR may reset.

  --baud N       Bd, default 1000000
  --driver NAME  linux-tty or serialport; default as for SerialLink
  --json         one JSON array with an object a port

Exit status: 0 nothing is wrong, 1 something is, 2 wrong call.`,

  async run(args) {
    const options = parseCommand(
      args,
      {
        serial: { type: "boolean" },
        baud: { type: "string" },
        driver: { type: "string" },
        json: { type: "boolean" },
      },
      ["[PORT]"],
    );
    if (!options.flag("serial")) {
      throw new OmpError(ErrorCode.InvalidArgument, {
        what: "it was not said what to look at",
        expected: "--serial",
        next: "--help tells more.",
      });
    }
    const baudRate = options.integer("baud", 1_000_000, 1200, 12_000_000);
    const chosen = options.choice("driver", drivers);
    const driver = drivers.find((name) => name === chosen);
    const [path] = options.operands;
    const diagnoses =
      path === undefined
        ? readSerialPorts().map((port) => diagnose(port, baudRate))
        : [await diagnoseAndTime(requirePort(path), { baudRate, driver })];
    show(diagnoses, options.flag("json"));
    return diagnoses.some(hasProblem) ? 1 : 0;
  },
};

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

function show(diagnoses: readonly SerialDiagnosis[], isJson: boolean): void {
  if (isJson) {
    console.log(JSON.stringify(diagnoses.map(diagnosisJson), undefined, 2));
    return;
  }
  if (diagnoses.length === 0) console.log("no serial port was found");
  for (const diagnosis of diagnoses) console.log(diagnosisLines(diagnosis).join("\n"));
}
