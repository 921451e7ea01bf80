import { realpathSync } from "node:fs";

import { OmpError } from "../../../sdk/src/errors.ts";
import { portHolders } from "../serial-ports/port-holders.ts";
import { readSerialPorts } from "../serial-ports/serial-ports.ts";

/** Why a port could not be opened, with the ports that are there and who holds this one. */
export function serialOpenError(path: string, error: unknown): OmpError {
  const present = readSerialPorts().map((port) => port.byId ?? port.path);
  return new OmpError("LINK_OPEN_FAILED", {
    what: `serial port ${path} cannot be opened`,
    observed: `${reasonOf(error)}${heldBy(path)}`,
    expected: `a port this user may open and nobody else holds; present: ${present.join(", ") || "none"}`,
    next: "Prefer a path under /dev/serial/by-id: it survives a replug. `omp doctor --serial` looks closer.",
    cause: error,
  });
}

function reasonOf(error: unknown): string {
  if (error instanceof OmpError) {
    const { what, observed, next } = error.report;
    return [what, observed, next].filter((part) => part !== undefined).join(": ");
  }
  return error instanceof Error ? error.message : String(error);
}

function heldBy(path: string): string {
  try {
    const { holders } = portHolders(realpathSync(path));
    const others = holders.map(({ pid, name }) => `${name} (pid ${pid})`);
    return others.length === 0 ? "" : `; held by ${others.join(", ")}`;
  } catch {
    return "";
  }
}
