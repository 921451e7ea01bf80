import { ErrorCode, OmpError } from "../../src/errors.ts";
import { parseCommand } from "../command-options.ts";

/** "auto": the host process when it has been built, else WebAssembly. */
export type FirmwareKind = "auto" | "host" | "wasm";

export interface DemoOptions {
  readonly episodes: number;
  readonly firstSeed: number;
  /** Directory. */
  readonly bundle: string;
  readonly variant: string | undefined;
  /** URL; an embedded broker when undefined. */
  readonly broker: string | undefined;
  readonly robotId: string;
  readonly firmware: FirmwareKind;
  /** Folder of recordings; only faults are recorded when undefined. */
  readonly record: string | undefined;
}

export const demoUsage = `usage: omp demo [options]

Drives a simulated six-joint arm with a bundled policy through the real motor-controller firmware.
Ctrl-C stops the arm (hold, disarm, close) and prints the summary. The exit code is 1 when the arm
faulted or under half of the episodes succeeded.

  --episodes N       how many (20)
  --first-seed N     seed of the first episode; training used seeds from 1000000 (0)
  --bundle DIR       the policy (models/bundles/so101-push)
  --variant NAME     its variant; the bundle's default when left out
  --firmware KIND    host: a process behind a pty; wasm: in this process; auto (auto)
  --broker URL       publish telemetry there instead of to an embedded broker
  --robot ID         name of this robot in the fleet (demo-arm)
  --record DIR       write everything into DIR/demo.mcap; the minute before a fault is always kept, in DIR or in
                     $XDG_STATE_HOME/omp-edge/black-box (~/.local/state/omp-edge/black-box)`;

/** @throws {OmpError} INVALID_ARGUMENT */
export function parseDemoOptions(args: readonly string[], defaultBundle: string): DemoOptions {
  const parsed = parseCommand(args, {
    episodes: { type: "string" },
    "first-seed": { type: "string" },
    bundle: { type: "string" },
    variant: { type: "string" },
    firmware: { type: "string" },
    broker: { type: "string" },
    robot: { type: "string" },
    record: { type: "string" },
  });
  return {
    episodes: parsed.integer("episodes", 20, 1, 100_000),
    firstSeed: parsed.integer("first-seed", 0, 0, 0xffff_ffff),
    bundle: parsed.text("bundle") ?? defaultBundle,
    variant: parsed.text("variant"),
    firmware: firmwareKind(parsed.text("firmware") ?? "auto"),
    broker: parsed.text("broker"),
    robotId: parsed.text("robot") ?? "demo-arm",
    record: parsed.text("record"),
  };
}

function firmwareKind(value: string): FirmwareKind {
  if (value === "auto" || value === "host" || value === "wasm") return value;
  throw new OmpError(ErrorCode.InvalidArgument, {
    what: "--firmware is not allowed",
    observed: value,
    expected: "auto, host or wasm",
  });
}
