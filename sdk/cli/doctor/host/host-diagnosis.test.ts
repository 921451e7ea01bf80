import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";

import type { Finding } from "../finding.ts";
import { type HostMeasurements, judgeHost, readHost } from "./host-diagnosis.ts";
import { describeJitter, histogramLines } from "./jitter.ts";
import { MachineFiles } from "../../../../firmware-bridge/src/machine-files.ts";
import { judgeStorage } from "./storage.ts";

type Files = Readonly<Record<string, string | Buffer>>;

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function machine(...parts: readonly Files[]): MachineFiles {
  const root = mkdtempSync(join(tmpdir(), "omp-host-"));
  folders.push(root);
  for (const [path, content] of parts.flatMap((files) => Object.entries(files))) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return new MachineFiles(root);
}

const quiet: HostMeasurements = {
  jitter: describeJitter({ attempt: { isGranted: true }, latenessMs: new Float64Array(100) }),
  providers: [{ name: "cpu", isUsable: true, runtime: "onnxruntime-node 1.30.0", p50Ms: 0.8 }],
  storage: { folder: "/home/robot", freeBytes: 20e9 },
};
const refusedFifo = {
  ...quiet,
  jitter: describeJitter({
    attempt: { isGranted: false, reason: "Operation not permitted" },
    latenessMs: new Float64Array(100),
  }),
};

function diagnose(files: readonly Files[], measured = quiet): ReadonlyMap<string, Finding> {
  const findings = judgeHost(readHost(machine(...files)), measured);
  return new Map(findings.map((finding) => [finding.check, finding]));
}

function assertFinding(
  findings: ReadonlyMap<string, Finding>,
  check: string,
  level: Finding["level"],
  text: RegExp,
  fix?: RegExp,
): void {
  const finding = findings.get(check);
  assert.equal(finding?.level, level, `${check}: ${JSON.stringify(finding)}`);
  assert.match(finding.text, text);
  if (fix === undefined) assert.equal(finding.fix, undefined);
  else assert.match(finding.fix ?? "", fix);
}

const policies = ["policy0", "policy4"].map((name) => `sys/devices/system/cpu/cpufreq/${name}`);

/** A Jetson Orin Nano as it is shipped, at 15 W. */
const orinNano: Files = {
  "proc/device-tree/model": "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super\0",
  "proc/device-tree/compatible": "nvidia,p3768-0000+p3767-0005-super\0nvidia,tegra234\0",
  "etc/nv_tegra_release":
    "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64, DATE: Wed Jan  8 01:49:37 UTC 2025\n",
  "etc/nvpmodel.conf": [
    "# a comment < POWER_MODEL ID=9 NAME=NONE >",
    "< POWER_MODEL ID=0 NAME=15W >",
    "CPU_ONLINE CORE_0 1",
    "< POWER_MODEL ID=1 NAME=25W >",
    "< POWER_MODEL ID=2 NAME=MAXN_SUPER >",
    "< POWER_MODEL ID=3 NAME=7W >",
    "< PM_CONFIG DEFAULT=1 >",
  ].join("\n"),
  "var/lib/nvpmodel/status": "pmode:0000\n",
  "sys/devices/system/cpu/online": "0-3\n",
  "sys/devices/system/cpu/present": "0-5\n",
  ...Object.fromEntries(
    policies.flatMap((policy) => [
      [`${policy}/scaling_governor`, "schedutil\n"],
      [`${policy}/scaling_min_freq`, "729600\n"],
      [`${policy}/scaling_max_freq`, "1510400\n"],
    ]),
  ),
  "proc/version":
    "Linux version 5.15.148-tegra (buildbrain@mobile) #1 SMP PREEMPT Tue Jan 7 17:14:38 PST 2025\n",
  "proc/sys/kernel/osrelease": "5.15.148-tegra\n",
  "proc/sys/kernel/sched_rt_runtime_us": "950000\n",
  "proc/sys/kernel/sched_rt_period_us": "1000000\n",
  "proc/self/status": "Name:\tnode\nCapEff:\t0000000000000000\n",
  "proc/self/limits":
    "Limit                     Soft Limit           Hard Limit           Units     \n" +
    "Max realtime priority     0                    0                    \n",
  "proc/self/cgroup": "0::/user.slice/user-1000.slice/session-2.scope\n",
  "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
  "sys/class/thermal/thermal_zone0/temp": "51062\n",
  "sys/class/thermal/thermal_zone0/trip_point_0_type": "critical\n",
  "sys/class/thermal/thermal_zone0/trip_point_0_temp": "104500\n",
  "sys/class/thermal/thermal_zone0/trip_point_1_type": "passive\n",
  "sys/class/thermal/thermal_zone0/trip_point_1_temp": "99000\n",
  "sys/class/thermal/thermal_zone2/type": "cv0-thermal\n",
  "sys/class/thermal/cooling_device0/type": "pwm-fan\n",
  "sys/class/thermal/cooling_device0/cur_state": "2\n",
  "sys/class/thermal/cooling_device1/type": "cpu-throttle-alert\n",
  "sys/class/thermal/cooling_device1/cur_state": "0\n",
};

test("a Jetson as it is shipped: what to type to make it fast", () => {
  const findings = diagnose([orinNano], refusedFifo);
  assertFinding(findings, "board", "ok", /^NVIDIA Jetson Orin Nano .* Super$/);
  assertFinding(findings, "jetpack", "ok", /^L4T R36\.4\.3 \(JetPack 6\)$/);
  assertFinding(findings, "power_mode", "advice", /15W.*MAXN_SUPER/, /^sudo nvpmodel -m 2$/);
  assertFinding(findings, "cores", "advice", /^4 of 6 cores are on; the power mode/);
  assertFinding(findings, "clocks", "advice", /schedutil/, /^sudo jetson_clocks/);
  assertFinding(findings, "temperature", "ok", /^cpu-thermal at 51 °C, slowed down from 99 °C$/);
  assertFinding(findings, "kernel", "ok", /^5\.15\.148-tegra, preemptible$/);
  assertFinding(findings, "real_time", "advice", /neither CAP_SYS_NICE/, /limits\.d\/90-omp\.conf/);
  assertFinding(findings, "real_time_limit", "ok", /95 %/);
  assertFinding(findings, "inference", "advice", /GPU is not used.*JetPack/);
  assertFinding(findings, "disk", "ok", /^20000 MB free at \/home\/robot$/);
});

test("a tuned Jetson has nothing to be told", () => {
  const tuned = [
    orinNano,
    { "var/lib/nvpmodel/status": "pmode:0002\n", "sys/devices/system/cpu/online": "0-5\n" },
    Object.fromEntries(
      policies.map((policy) => [`${policy}/scaling_min_freq`, "1510400\n"] as const),
    ),
    { "proc/self/status": "CapEff:\t0000000000800000\n", "sys/kernel/realtime": "1\n" },
  ];
  const findings = diagnose(tuned, {
    ...quiet,
    providers: [{ name: "cuda", isUsable: true, runtime: "onnxruntime-node", p50Ms: 0.4 }],
  });
  for (const { level, check } of findings.values()) assert.equal(level, "ok", check);
  assertFinding(findings, "real_time", "ok", /CAP_SYS_NICE/);
  assertFinding(findings, "kernel", "ok", /PREEMPT_RT/);
  const priority = { "proc/self/limits": "Max realtime priority     95      95\n" };
  assertFinding(diagnose([orinNano, priority]), "real_time", "ok", /RLIMIT_RTPRIO 95/);
});

function release(text: string): Files {
  return { "etc/nv_tegra_release": text };
}

test("JetPack 4 is too old, an unknown release and a missing one are said to be", () => {
  const r32 = diagnose([orinNano, release("# R32 (release), REVISION: 7.6, GCID: 1")]);
  assertFinding(r32, "jetpack", "problem", /R32\.7\.6 \(JetPack 4\).*too old/);
  const r99 = diagnose([orinNano, release("# R99 (release), REVISION: 1.0, GCID: 1")]);
  assertFinding(r99, "jetpack", "unknown", /R99\.1\.0/);
  const inContainer = diagnose([orinNano, release(""), { ".dockerenv": "" }]);
  assertFinding(inContainer, "jetpack", "unknown", /without/, /docker run -v/);
});

test("a kernel that lets its own work go first is named with the way to another one", () => {
  const stock = { "proc/version": "Linux version 5.15.148-tegra #1 SMP Tue Jan 7\n" };
  const voluntary = {
    "proc/config.gz": gzipSync("CONFIG_PREEMPT_VOLUNTARY=y\n# CONFIG_PREEMPT is not set\n"),
  };
  assertFinding(
    diagnose([orinNano, stock, voluntary]),
    "kernel",
    "advice",
    /preemption "voluntary"/,
    /rt-kernel r36\.4 main.*apt-get install nvidia-l4t-rt-kernel nvidia-l4t-rt-kernel-headers/,
  );
  const dynamic = {
    "proc/version": "Linux version 6.8.0-generic #1 SMP PREEMPT_DYNAMIC\n",
    "proc/sys/kernel/osrelease": "6.8.0-generic\n",
    "boot/config-6.8.0-generic": "CONFIG_PREEMPT_DYNAMIC=y\nCONFIG_PREEMPT_VOLUNTARY=y\n",
  };
  assertFinding(diagnose([dynamic]), "kernel", "advice", /"voluntary"/, /preempt=full/);
  const chosen = { "proc/cmdline": "quiet preempt=full\n" };
  assertFinding(diagnose([dynamic, chosen]), "kernel", "ok", /preemptible/);
  const debug = { "sys/kernel/debug/sched/preempt": "(none) voluntary full\n" };
  assertFinding(diagnose([dynamic, chosen, debug]), "kernel", "advice", /"none"/, /preempt=full/);
  assertFinding(diagnose([]), "kernel", "unknown", /cannot be read/);
});

function refused(...files: readonly Files[]): ReadonlyMap<string, Finding> {
  return diagnose([orinNano, ...files], refusedFifo);
}

test("each reason against SCHED_FIFO has its own remedy", () => {
  const capable = { "proc/self/status": "CapEff:\t000001ffffffffff\n" };
  const noTime = { "proc/sys/kernel/sched_rt_runtime_us": "0\n" };
  assertFinding(refused(noTime), "real_time", "advice", /no time/, /sched_rt_runtime_us=950000/);
  const docker = { ".dockerenv": "" };
  assertFinding(refused(docker), "real_time", "advice", /neither/, /--cap-add SYS_NICE/);
  const group = {
    "proc/self/cgroup": "4:memory:/\n3:cpu,cpuacct:/system.slice/robot.service\n",
    "sys/fs/cgroup/cpu,cpuacct/system.slice/robot.service/cpu.rt_runtime_us": "0\n",
  };
  assertFinding(
    refused(capable, group),
    "real_time",
    "advice",
    /control group.*no real-time budget/,
    /tee \/sys\/fs\/cgroup\/cpu,cpuacct\/system\.slice\/robot\.service\/cpu\.rt_runtime_us/,
  );
  const trap = { "proc/config.gz": gzipSync("CONFIG_PREEMPT=y\nCONFIG_RT_GROUP_SCHED=y\n") };
  assertFinding(refused(capable, trap), "real_time", "advice", /CONFIG_RT_GROUP_SCHED/, /=-1/);
  assertFinding(refused(capable), "real_time", "advice", /: Operation not permitted$/);
  const unlimited = { "proc/sys/kernel/sched_rt_runtime_us": "-1\n" };
  assertFinding(refused(unlimited), "real_time_limit", "advice", /hangs/, /=950000/);
  assertFinding(refused(unlimited, trap), "real_time_limit", "advice", /hangs/);
});

test("heat is a problem once it slows the machine down", () => {
  const zone = "sys/class/thermal/thermal_zone0";
  const hot = { [`${zone}/temp`]: "94000\n" };
  assertFinding(diagnose([orinNano, hot]), "temperature", "advice", /94 °C, slowed down from 99/);
  const throttled = { "sys/class/thermal/cooling_device1/cur_state": "1\n" };
  const findings = diagnose([orinNano, hot, throttled]);
  assertFinding(findings, "temperature", "problem", /cpu-throttle-alert.*94 °C/);
  assertFinding(diagnose([]), "temperature", "unknown", /no temperature/);
});

test("an empty machine is unknown, not well", () => {
  const findings = diagnose([], refusedFifo);
  assertFinding(findings, "board", "unknown", /does not say/);
  assertFinding(findings, "clocks", "unknown", /no CPU clocks/);
  assert.equal(findings.has("jetpack") || findings.has("power_mode"), false);
});

test("a PC: its governor is set by a file", () => {
  const pc = {
    "sys/class/dmi/id/sys_vendor": "ASUS\n",
    "sys/class/dmi/id/product_name": "NUC14\n",
    "sys/devices/system/cpu/cpufreq/policy0/scaling_governor": "powersave\n",
  };
  const findings = diagnose([pc]);
  assertFinding(findings, "board", "ok", /^ASUS NUC14$/);
  assertFinding(findings, "clocks", "advice", /powersave/, /^echo performance \| sudo tee/);
});

function jitterOf(latenessMs: Float64Array): HostMeasurements["jitter"] {
  return describeJitter({ attempt: { isGranted: true }, latenessMs });
}

function late(ms: number): HostMeasurements {
  return { ...quiet, jitter: jitterOf(Float64Array.of(ms)) };
}

function promisedHz(p999Ms: number, maxMs: number): number {
  const latenessMs = new Float64Array(10_000).fill(0.03);
  latenessMs.fill(p999Ms, 0, 20);
  latenessMs[0] = maxMs;
  return jitterOf(latenessMs).promisedHz;
}

test("the jitter promises the rate whose instants it keeps", () => {
  assert.equal(promisedHz(0.1, 0.9), 1000);
  assert.equal(promisedHz(0.1, 1.9), 500, "one instant is missed at 1 kHz");
  assert.equal(promisedHz(0.6, 1.9), 250);
  assert.equal(promisedHz(2, 9), 100);
  assert.equal(promisedHz(2, 60), 10);
  assert.equal(promisedHz(2, 150), 0);
  assertFinding(diagnose([], late(0.1)), "jitter", "ok", /up to 1000 Hz.*SCHED_FIFO/);
  assertFinding(diagnose([], late(2)), "jitter", "advice", /up to 100 Hz/);
  assertFinding(diagnose([], late(6)), "jitter", "problem", /up to 20 Hz/);
  assertFinding(diagnose([], late(500)), "jitter", "problem", /no loop of 10 Hz/);
});

test("the histogram counts every instant once", () => {
  const latenessMs = Float64Array.of(0, 0.05, 0.06, 0.3, 3, 30);
  const jitter = jitterOf(latenessMs);
  assert.deepEqual(
    jitter.histogram.map(({ count }) => count),
    [2, 1, 0, 1, 0, 0, 1, 0, 1],
  );
  assert.match(histogramLines(jitter).join("\n"), /up to 0\.05 ms +2 █+\n.*more than 10 ms +1 █/s);
});

test("providers that do not run are told with their reason; without a CPU it is a problem", () => {
  const cuda = { name: "cuda", isUsable: false, reason: "no libcudart" } as const;
  const findings = diagnose([], { ...quiet, providers: [cuda] });
  assertFinding(
    findings,
    "inference",
    "advice",
    /cuda cannot be used: no libcudart/,
    /install\.js/,
  );
  const cpu = { name: "cpu", isUsable: false, reason: "a difference of 3" } as const;
  assertFinding(diagnose([], { ...quiet, providers: [cpu] }), "inference", "problem", /difference/);
});

test("a full disk is a problem", () => {
  assert.equal(judgeStorage({ folder: "/", freeBytes: 100e6 }).level, "problem");
  assert.equal(judgeStorage({ folder: "/", freeBytes: 500e6 }).level, "advice");
});
