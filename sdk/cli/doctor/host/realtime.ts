import type { Finding } from "../finding.ts";
import type { Board } from "./board.ts";
import type { Kernel } from "./kernel.ts";
import type { MachineFiles } from "../../../../firmware-bridge/src/machine-files.ts";

/** What decides whether a thread may be scheduled as SCHED_FIFO. */
export interface RealtimeLimits {
  readonly hasCapSysNice: boolean;
  /** RLIMIT_RTPRIO: highest priority that needs no capability; 0 for none. */
  readonly maxPriority: number;
  /** Of each period, µs; -1 for no limit, 0 for nothing at all. */
  readonly runtimeUs: number | undefined;
  readonly periodUs: number | undefined;
  /** The control group of this process, when it has a real-time budget of its own. */
  readonly group: { readonly file: string; readonly runtimeUs: number } | undefined;
}

/** What came of making a thread SCHED_FIFO. */
export type FifoAttempt =
  { readonly isGranted: true } | { readonly isGranted: false; readonly reason: string };

const CAP_SYS_NICE = 23n;

export function readRealtimeLimits(files: MachineFiles): RealtimeLimits {
  const status = files.text("proc/self/status") ?? "";
  const limits = files.text("proc/self/limits") ?? "";
  const capabilities = /^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0";
  const priority = /^Max realtime priority\s+(\S+)/m.exec(limits)?.[1] ?? "0";
  return {
    hasCapSysNice: ((BigInt(`0x${capabilities}`) >> CAP_SYS_NICE) & 1n) === 1n,
    maxPriority: priority === "unlimited" ? 99 : Number(priority),
    runtimeUs: files.number("proc/sys/kernel/sched_rt_runtime_us"),
    periodUs: files.number("proc/sys/kernel/sched_rt_period_us"),
    group: readGroup(files),
  };
}

export function judgeRealtime(
  limits: RealtimeLimits,
  attempt: FifoAttempt,
  { hasRtGroups }: Kernel,
  board: Board,
): Finding[] {
  return [
    judgeAttempt(limits, attempt, hasRtGroups, board),
    ...judgeThrottling(limits, hasRtGroups),
  ];
}

function judgeAttempt(
  { hasCapSysNice, maxPriority, runtimeUs, group }: RealtimeLimits,
  attempt: FifoAttempt,
  hasRtGroups: boolean,
  { isContainer }: Board,
): Finding {
  const check = "real_time";
  if (attempt.isGranted) {
    const why = hasCapSysNice ? "CAP_SYS_NICE" : `RLIMIT_RTPRIO ${maxPriority}`;
    return { check, level: "ok", text: `threads may be SCHED_FIFO (${why})` };
  }
  const level = "advice";
  const refused = "threads may not be SCHED_FIFO";
  if (runtimeUs === 0) {
    const fix = "sudo sysctl kernel.sched_rt_runtime_us=950000";
    return { check, level, text: `${refused}: the machine gives them no time`, fix };
  }
  if (!hasCapSysNice && maxPriority === 0) {
    const text = `${refused}: neither CAP_SYS_NICE nor RLIMIT_RTPRIO`;
    const fix = isContainer
      ? "# docker run --cap-add SYS_NICE --ulimit rtprio=99 …"
      : 'echo "$USER - rtprio 95" | sudo tee /etc/security/limits.d/90-omp.conf   # then log in again; a service gets it from `omp service install`';
    return { check, level, text, fix };
  }
  // The trap: with CONFIG_RT_GROUP_SCHED a group without a budget is refused whatever the process may do.
  if (group !== undefined && group.runtimeUs === 0) {
    const text = `${refused}: the control group of this process has no real-time budget`;
    const fix = isContainer
      ? "# docker run --cpu-rt-runtime=950000 --ulimit rtprio=99 --cap-add SYS_NICE …"
      : `echo 950000 | sudo tee ${group.file}   # and in the groups above it first`;
    return { check, level, text, fix };
  }
  if (hasRtGroups) {
    const text = `${refused}: ${attempt.reason}; this kernel (CONFIG_RT_GROUP_SCHED) gives control groups no real-time budget`;
    const fix =
      "sudo sysctl kernel.sched_rt_runtime_us=-1   # lifts the limit for the whole machine";
    return { check, level, text, fix };
  }
  return { check, level, text: `${refused}: ${attempt.reason}` };
}

function judgeThrottling(limits: RealtimeLimits, hasRtGroups: boolean): Finding[] {
  const check = "real_time_limit";
  const { runtimeUs, periodUs = 1_000_000 } = limits;
  if (runtimeUs === undefined || runtimeUs === 0) return [];
  if (runtimeUs < 0) {
    const text = "nothing limits real-time threads: one that does not end hangs this machine";
    const fix = "sudo sysctl kernel.sched_rt_runtime_us=950000";
    // There the limit is what keeps control groups from having real-time threads.
    return [{ check, level: "advice", text, ...(!hasRtGroups && { fix }) }];
  }
  const percent = Math.round((100 * runtimeUs) / periodUs);
  return [
    { check, level: "ok", text: `real-time threads get ${percent} % of the processor at most` },
  ];
}

/** The budget is a file of cgroup v1; the names of its mounted controllers are "cpu" or "cpu,cpuacct". */
function readGroup(files: MachineFiles): RealtimeLimits["group"] {
  for (const line of (files.text("proc/self/cgroup") ?? "").split("\n")) {
    const [, controllers = "", path = ""] = /^\d+:([^:]+):(.*)$/.exec(line) ?? [];
    if (!controllers.split(",").includes("cpu")) continue;
    for (const mount of [controllers, "cpu"]) {
      const file = `/sys/fs/cgroup/${mount}${path === "/" ? "" : path}/cpu.rt_runtime_us`;
      const runtimeUs = files.number(file);
      if (runtimeUs !== undefined) return { file, runtimeUs };
    }
  }
  return undefined;
}
