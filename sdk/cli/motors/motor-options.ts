import type { ServoFamily } from "../../../firmware-bridge/src/servo/index.ts";
import { ErrorCode, OmpError } from "../../src/errors.ts";
import type { ParsedCommand } from "../command-options.ts";

/** What every motors command takes. */
export interface MotorOptions {
  /** Undefined: simulated. */
  readonly port: string | undefined;
  readonly family: ServoFamily;
  /** Bd. */
  readonly baudRate: number;
  /** What the adapter may add to an answer, ms. */
  readonly latencyMs: number;
  /** Every question is answered with yes. */
  readonly isYes: boolean;
}

export const motorOptionTypes = {
  port: { type: "string" },
  simulated: { type: "boolean" },
  family: { type: "string" },
  baud: { type: "string" },
  latency: { type: "string" },
  yes: { type: "boolean" },
} as const;

export const motorOptionUsage = `  --port PATH       serial port of the bus adapter; /dev/serial/by-id/… survives a replug
  --simulated       a simulated SO-101 instead: nothing is needed and nothing real moves
  --family NAME     feetech (STS3215, SO-100, SO-101) or dynamixel (X series) (feetech)
  --baud N          Bd (1000000)
  --latency MS      what the adapter may add to an answer; an FTDI chip up to 16 (20)
  --yes             answer every question with yes`;

/** @throws {OmpError} INVALID_ARGUMENT */
export function motorOptions(parsed: ParsedCommand): MotorOptions {
  const port = parsed.text("port");
  if ((port === undefined) !== parsed.flag("simulated")) {
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: "it must be clear which bus is meant",
      observed: port === undefined ? "neither --port nor --simulated" : "--port and --simulated",
      expected: "one of --port PATH and --simulated",
    });
  }
  const family = parsed.choice("family", ["feetech", "dynamixel"]) ?? "feetech";
  return {
    port,
    family: family === "dynamixel" ? "dynamixel" : "feetech",
    baudRate: parsed.integer("baud", 1_000_000, 9600, 4_500_000),
    latencyMs: parsed.integer("latency", 20, 1, 1000),
    isYes: parsed.flag("yes"),
  };
}

/**
 * Ids of "1-6" or "1,2,9".
 *
 * @throws {OmpError} INVALID_ARGUMENT
 */
export function parseIds(text: string): readonly number[] {
  const ids = text.split(",").flatMap((part) => {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(part.trim()) ?? [];
    const from = Number(first);
    const to = Number(last);
    return to - from < 256 ? Array.from({ length: to - from + 1 }, (_, i) => from + i) : [];
  });
  const isUsable = ids.length > 0 && ids.every((id) => id >= 0 && id <= 252);
  if (isUsable && new Set(ids).size === ids.length) return ids;
  throw new OmpError(ErrorCode.InvalidArgument, {
    what: "--ids is not allowed",
    observed: text,
    expected: "ids from 0 to 252, each once, as 1-6 or 1,2,9",
  });
}
