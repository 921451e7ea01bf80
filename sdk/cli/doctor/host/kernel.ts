import type { Finding } from "../finding.ts";
import type { Board } from "./board.ts";
import type { MachineFiles } from "../../../../firmware-bridge/src/machine-files.ts";

/** How readily the kernel leaves its own work for a thread that became due, the best first. */
export type Preemption = "rt" | "full" | "lazy" | "voluntary" | "none";

export interface Kernel {
  /** "5.15.148-tegra" */
  readonly release: string | undefined;
  readonly preemption: Preemption | undefined;
  /** Whether the kernel's command line can choose another preemption. */
  readonly isPreemptionDynamic: boolean;
  /** Whether groups of processes have budgets of their own for real-time threads. */
  readonly hasRtGroups: boolean;
}

export function readKernel(files: MachineFiles): Kernel {
  const version = files.text("proc/version") ?? "";
  const release = files.text("proc/sys/kernel/osrelease");
  const config = files.unzipped("proc/config.gz") ?? files.text(`boot/config-${release}`) ?? "";
  const isOn = (option: string): boolean => config.split("\n").includes(`CONFIG_${option}=y`);
  const isPreemptionDynamic = version.includes("PREEMPT_DYNAMIC") || isOn("PREEMPT_DYNAMIC");
  return {
    release,
    preemption: readPreemption(files, version, isPreemptionDynamic, isOn),
    isPreemptionDynamic,
    hasRtGroups: isOn("RT_GROUP_SCHED"),
  };
}

export function judgeKernel(kernel: Kernel, { isJetson, l4t }: Board): Finding {
  const check = "kernel";
  const { release = "", preemption, isPreemptionDynamic } = kernel;
  if (preemption === undefined) {
    const text = `whether the kernel ${release} is preemptible cannot be read`;
    return { check, level: "unknown", text };
  }
  if (preemption === "rt") return { check, level: "ok", text: `${release}, PREEMPT_RT` };
  if (preemption === "full") return { check, level: "ok", text: `${release}, preemptible` };
  const text = `${release}, preemption "${preemption}": a thread that is due waits for the kernel's own work`;
  if (isPreemptionDynamic) {
    const fix = "# add preempt=full to the kernel's command line, boot again";
    return { check, level: "advice", text, fix };
  }
  if (!isJetson || l4t === undefined) return { check, level: "advice", text };
  return { check, level: "advice", text, fix: installRtKernel(l4t.major, l4t.revision) };
}

/** NVIDIA's own packages; the stock kernel stays installed and can be chosen in /boot/extlinux/extlinux.conf. */
function installRtKernel(major: number, revision: string): string {
  const [minor = "0"] = revision.split(".");
  const source = `deb https://repo.download.nvidia.com/jetson/rt-kernel r${major}.${minor} main`;
  const packages = ["", "-headers", "-oot-modules"].map((part) => `nvidia-l4t-rt-kernel${part}`);
  return (
    `echo '${source}' | sudo tee /etc/apt/sources.list.d/nvidia-l4t-rt-kernel.list && sudo apt-get update && ` +
    `sudo apt-get install ${packages.join(" ")} nvidia-l4t-display-rt-kernel   # then boot again`
  );
}

/** Kconfig option of a preemption that is built in or, in a dynamic kernel, the default. */
const options: readonly (readonly [string, Preemption])[] = [
  ["PREEMPT_RT", "rt"],
  ["PREEMPT", "full"],
  ["PREEMPT_LAZY", "lazy"],
  ["PREEMPT_VOLUNTARY", "voluntary"],
  ["PREEMPT_NONE", "none"],
];

function readPreemption(
  files: MachineFiles,
  version: string,
  isDynamic: boolean,
  isOn: (option: string) => boolean,
): Preemption | undefined {
  const isRt = /PREEMPT[_ ]RT/.test(version);
  if (isRt || files.text("sys/kernel/realtime") === "1") return "rt";
  // Of a dynamic kernel, readable by root: "none voluntary (full) lazy".
  const chosen =
    /\((\w+)\)/.exec(files.text("sys/kernel/debug/sched/preempt") ?? "")?.[1] ??
    /(?:^|\s)preempt=(\w+)/.exec(files.text("proc/cmdline") ?? "")?.[1];
  const known = options.find(([, preemption]) => isDynamic && preemption === chosen);
  const built = options.find(([option]) => isOn(option));
  if (known !== undefined || built !== undefined) return (known ?? built)?.[1];
  if (isDynamic || version === "") return undefined;
  return /\bPREEMPT\b/.test(version) ? "full" : undefined;
}
