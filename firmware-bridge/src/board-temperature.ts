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

function readPassiveTrip(files: MachineFiles, zone: string): number | undefined {
  const trips = files
    .names(zone, "trip_point_")
    .filter((file) => file.endsWith("_type") && files.text(`${zone}/${file}`) === "passive")
    .map((file) => files.number(`${zone}/${file.replace(/_type$/, "_temp")}`))
    .filter((millidegrees) => millidegrees !== undefined && millidegrees > 0);
  return trips.length === 0 ? undefined : Math.min(...trips.map(Number)) / 1000;
}
