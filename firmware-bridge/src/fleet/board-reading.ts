import { readTemperature } from "../board-temperature.ts";
import { MachineFiles } from "../machine-files.ts";
import type { RobotVitals } from "./messages.ts";

/** How hot the computer is. */
export type BoardReading = Pick<RobotVitals, "boardTemperatureC" | "throttledBy">;

const maxZones = 32;

/** @param root the machine's root folder */
export function readBoard(root: string = "/"): BoardReading {
  const { zones, throttled } = readTemperature(new MachineFiles(root));
  const entries = zones.slice(0, maxZones).map(({ name, celsius }) => [name, celsius] as const);
  return {
    boardTemperatureC: Object.fromEntries(entries),
    throttledBy: throttled.join(",").slice(0, 1000),
  };
}
