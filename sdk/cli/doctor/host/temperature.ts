import type { Finding } from "../finding.ts";
import type { MachineFiles } from "./machine-files.ts";

/** One thermal zone of the kernel, °C. */
export interface ThermalZone {
  /** "cpu-thermal", "tj-thermal" */
  readonly name: string;
  readonly celsius: number;
  /** Where the kernel begins to slow the machine down; undefined when the zone does not say. */
  readonly throttlesAt: number | undefined;
}

export interface Temperature {
  readonly zones: readonly ThermalZone[];
  /** What is being slowed down or warned of at this moment, as the kernel names it: "cpu-throttle-alert", "cpufreq-cpu0". */
  readonly throttled: readonly string[];
}

const folder = "sys/class/thermal";
/** A fan's state is how fast it turns: the cure, not the symptom. */
const fan = /fan/i;
/** Nearer than this to the trip point is worth a word, °C. */
const MARGIN = 10;

export function readTemperature(files: MachineFiles): Temperature {
  const zones = files.names(folder, "thermal_zone").flatMap((zone) => {
    const millidegrees = files.number(`${folder}/${zone}/temp`);
    if (millidegrees === undefined) return [];
    return {
      name: files.text(`${folder}/${zone}/type`) ?? zone,
      celsius: millidegrees / 1000,
      throttlesAt: readPassiveTrip(files, `${folder}/${zone}`),
    };
  });
  const throttled = files.names(folder, "cooling_device").flatMap((device) => {
    const name = files.text(`${folder}/${device}/type`) ?? device;
    const state = files.number(`${folder}/${device}/cur_state`) ?? 0;
    return state > 0 && !fan.test(name) ? name : [];
  });
  return { zones, throttled };
}

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

function readPassiveTrip(files: MachineFiles, zone: string): number | undefined {
  const trips = files
    .names(zone, "trip_point_")
    .filter((file) => file.endsWith("_type") && files.text(`${zone}/${file}`) === "passive")
    .map((file) => files.number(`${zone}/${file.replace(/_type$/, "_temp")}`))
    .filter((millidegrees) => millidegrees !== undefined && millidegrees > 0);
  return trips.length === 0 ? undefined : Math.min(...trips.map(Number)) / 1000;
}
