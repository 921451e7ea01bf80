import type {
  Temperature,
  ThermalZone,
} from "../../../../firmware-bridge/src/board-temperature.ts";
import type { Finding } from "../finding.ts";

/** Nearer than this to the trip point is worth a word, °C. */
const MARGIN = 10;

export function judgeTemperature({ zones, throttled }: Temperature): Finding {
  const check = "temperature";
  // Two zones without a trip point have NaN between them and go by their temperatures.
  const hottest = zones.toSorted((a, b) => headroom(a) - headroom(b) || b.celsius - a.celsius)[0];
  const now = hottest && `${hottest.name} at ${hottest.celsius.toFixed(0)} °C`;
  if (throttled.length > 0) {
    const text = `the machine is slowed down (${throttled.join(", ")})${now === undefined ? "" : `, ${now}`}; cool it or take a lower power mode`;
    return { check, level: "problem", text };
  }
  if (hottest === undefined) {
    return { check, level: "unknown", text: "this machine shows no temperature" };
  }
  if (hottest.throttlesAt === undefined) return { check, level: "ok", text: now ?? "" };
  const text = `${now}, slowed down from ${hottest.throttlesAt.toFixed(0)} °C`;
  return { check, level: headroom(hottest) < MARGIN ? "advice" : "ok", text };
}

function headroom({ celsius, throttlesAt = Number.POSITIVE_INFINITY }: ThermalZone): number {
  return throttlesAt - celsius;
}
