import type { Finding } from "../finding.ts";
import type { MachineFiles } from "../../../../firmware-bridge/src/machine-files.ts";

/** A power mode of a Jetson, as /etc/nvpmodel.conf defines it. */
export interface PowerMode {
  readonly id: number;
  /** "15W", "MAXN", "MAXN_SUPER" */
  readonly name: string;
}

/** How fast the processor may run. */
export interface Power {
  /** What `nvpmodel` chose last; only a Jetson has one. */
  readonly modeId: number | undefined;
  readonly modes: readonly PowerMode[];
  readonly coresOnline: number | undefined;
  readonly coresPresent: number | undefined;
  /** "schedutil", "performance"; each once. Empty where the machine shows no clocks. */
  readonly governors: readonly string[];
  /** Whether every clock's lowest and highest rate are the same, as `jetson_clocks` leaves them. */
  readonly hasFixedClocks: boolean;
}

const cpuFolder = "sys/devices/system/cpu";

export function readPower(files: MachineFiles): Power {
  const policies = files
    .names(`${cpuFolder}/cpufreq`, "policy")
    .map((name) => `${cpuFolder}/cpufreq/${name}`);
  const governors = policies.map((policy) => files.text(`${policy}/scaling_governor`));
  const mode = /pmode:0*(\d+)/.exec(files.text("var/lib/nvpmodel/status") ?? "")?.[1];
  return {
    modeId: mode === undefined ? undefined : Number(mode),
    modes: readModes(files.text("etc/nvpmodel.conf") ?? ""),
    coresOnline: countCores(files.text(`${cpuFolder}/online`)),
    coresPresent: countCores(files.text(`${cpuFolder}/present`)),
    governors: [...new Set(governors.filter((governor) => governor !== undefined))],
    hasFixedClocks:
      policies.length > 0 &&
      policies.every((policy) => {
        const lowest = files.number(`${policy}/scaling_min_freq`);
        return lowest !== undefined && lowest === files.number(`${policy}/scaling_max_freq`);
      }),
  };
}

export function judgePower(power: Power, isJetson: boolean): Finding[] {
  return [
    ...(isJetson ? [judgeMode(power)] : []),
    ...judgeCores(power, isJetson),
    judgeClocks(power, isJetson),
  ];
}

/** The mode without caps. Its id differs from board to board and need not be the highest or the lowest. */
function uncapped(modes: readonly PowerMode[]): PowerMode | undefined {
  return (
    modes.find(({ name }) => name === "MAXN_SUPER") ?? modes.find(({ name }) => name === "MAXN")
  );
}

function judgeMode({ modeId, modes }: Power): Finding {
  const check = "power_mode";
  if (modeId === undefined) {
    return {
      check,
      level: "unknown",
      text: "no power mode was ever chosen",
      fix: "sudo nvpmodel -q",
    };
  }
  const name = modes.find(({ id }) => id === modeId)?.name ?? `mode ${modeId}`;
  const best = uncapped(modes);
  if (best === undefined || best.id === modeId) return { check, level: "ok", text: name };
  return {
    check,
    level: "advice",
    text: `${name} caps the clocks; ${best.name} does not, where cooling and supply allow it`,
    fix: `sudo nvpmodel -m ${best.id}`,
  };
}

function judgeCores({ coresOnline, coresPresent }: Power, isJetson: boolean): Finding[] {
  if (coresOnline === undefined || coresPresent === undefined) return [];
  const check = "cores";
  const text = `${coresOnline} of ${coresPresent} cores are on`;
  if (coresOnline === coresPresent) return [{ check, level: "ok", text }];
  const why = isJetson ? "; the power mode switches them off" : "";
  return [{ check, level: "advice", text: `${text}${why}` }];
}

function judgeClocks({ governors, hasFixedClocks }: Power, isJetson: boolean): Finding {
  const check = "clocks";
  const names = governors.join(", ");
  if (governors.length === 0) {
    const text = "this machine shows no CPU clocks; in a virtual one the host decides";
    return { check, level: "unknown", text };
  }
  if (hasFixedClocks) return { check, level: "ok", text: "the CPU clocks are fixed" };
  if (names === "performance") return { check, level: "ok", text: "governor performance" };
  return {
    check,
    level: "advice",
    text: `governor ${names}: clocks rise after the load came, so what follows a pause is late`,
    fix: isJetson
      ? "sudo jetson_clocks   # until the next boot"
      : `echo performance | sudo tee /${cpuFolder}/cpufreq/policy*/scaling_governor`,
  };
}

function readModes(text: string): PowerMode[] {
  const lines = text.matchAll(/^\s*<\s*POWER_MODEL\s+ID=(\d+)\s+NAME=([^\s>]+)/gm);
  return Array.from(lines, ([, id, name = ""]) => ({ id: Number(id), name }));
}

/** Members of a list of the kernel, "0-3,5". */
function countCores(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  return text.split(",").reduce((count, range) => {
    const [first, last = first] = range.split("-").map(Number);
    return count + (last ?? Number.NaN) - (first ?? Number.NaN) + 1;
  }, 0);
}
