import { ErrorCode, OmpError } from "../../src/errors.ts";
import { MonotonicClock } from "../../src/runtime/node/monotonic-clock.ts";
import type { Command } from "../command.ts";
import { motorOptionUsage } from "../motors/motor-options.ts";
import { StandardConsole, type MotorsContext } from "../motors/motors-console.ts";

type Job = (args: readonly string[], context: MotorsContext) => Promise<number>;

const jobs: Readonly<Record<string, () => Promise<Job>>> = {
  scan: async () => (await import("../motors/scan.ts")).scan,
  calibrate: async () => (await import("../motors/calibrate.ts")).calibrate,
  jog: async () => (await import("../motors/jog.ts")).jog,
  release: async () => (await import("../motors/release.ts")).release,
};

export const motors: Command = {
  summary: "find, calibrate, jog and release bus servos",
  usage: `usage: omp motors <scan | calibrate | jog | release> [options]

Bus servos on a serial adapter: Feetech STS (SO-100, SO-101) and Dynamixel X. Nothing moves and no torque is switched without asking.

  scan       who answers: model, torque, position, voltage, temperature, state; changes nothing
  calibrate  middle and ends of every joint, turned by hand; kept in the servos and in a file
  jog        moves single joints by small typed steps
  release    switches torque off: the arm falls

${motorOptionUsage}

scan, calibrate, release:
  --ids LIST        1-6 or 1,2,9 (scan 1-20, else one for each joint)
calibrate:
  --joints NAMES    in the order of the ids, with commas (the SO-101's six)
  --out FILE        (calibration.json)
  --import FILE     take middle and ends from a calibration that LeRobot saved instead of turning joints
  --drive-mode M    reverse or ignore: what drive_mode 1 in that file means
jog:
  --calibration F   as calibrate wrote it (simulated: its own)
  --max-step DEG    largest step (15)
  --at-end WHAT     hold or release: what Ctrl-C and the end do to the arm (hold)

A servo's EEPROM wears out: calibrate writes only what differs. Exit status: 0 done, 1 not done or nobody there, 2 wrong call,
130 interrupted.`,

  async run(args, signal) {
    const [name = "", ...rest] = args;
    const load = Object.hasOwn(jobs, name) ? jobs[name] : undefined;
    if (load === undefined) {
      throw new OmpError(ErrorCode.InvalidArgument, {
        what: "omp motors needs to know what to do",
        observed: name === "" ? "nothing" : name,
        expected: Object.keys(jobs).join(", "),
      });
    }
    const console = new StandardConsole(signal);
    try {
      return await (
        await load()
      )(rest, { signal, console, clock: new MonotonicClock() });
    } finally {
      console.close();
    }
  },
};
