import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";

import { calibrationText, parseCalibration } from "../../firmware-bridge/src/servo/index.ts";
import { SimulatedSo101 } from "../../firmware-bridge/src/testing/index.ts";
import { calibrate } from "../../sdk/cli/motors/calibrate.ts";
import { jog } from "../../sdk/cli/motors/jog.ts";
import type { MotorsConsole, MotorsContext } from "../../sdk/cli/motors/motors-console.ts";
import { release } from "../../sdk/cli/motors/release.ts";
import { scan } from "../../sdk/cli/motors/scan.ts";
import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";
import { VirtualTime } from "../conformance/virtual-time.ts";
import { PtyServoBus } from "../support/pty-servo-bus.ts";
import { repositoryPath } from "../support/repository.ts";

const folder = mkdtempSync(join(tmpdir(), "omp-motors-"));
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A person at a console: what they read, and what they type when they are asked. */
class Person implements MotorsConsole {
  readonly isLive = false;
  readonly lines: string[] = [];
  readonly #time: VirtualTime;
  readonly #answers: readonly (string | (() => string | undefined))[];
  #asked = 0;

  /** @param answers in order; a function is called when its question is asked */
  constructor(time: VirtualTime, ...answers: readonly (string | (() => string | undefined))[]) {
    this.#time = time;
    this.#answers = answers;
  }

  get text(): string {
    return this.lines.join("\n");
  }

  get questions(): number {
    return this.#asked;
  }

  print(line: string): void {
    this.lines.push(line);
  }

  status(): void {}

  async ask(question: string): Promise<string | undefined> {
    this.lines.push(question);
    const answer = this.#answers[this.#asked++];
    // A person takes their time.
    await new Promise<void>((resolve) => {
      this.#time.clock.callAt(this.#time.clock.nowMs() + 1500, resolve);
    });
    return typeof answer === "function" ? answer() : answer;
  }

  close(): void {}
}

interface Run {
  readonly code: number;
  readonly person: Person;
}

/** Runs a command in virtual time. */
async function run(
  job: (args: readonly string[], context: MotorsContext) => Promise<number>,
  args: readonly string[],
  answers: readonly (string | (() => string | undefined))[] = [],
  abort: AbortController = new AbortController(),
  abortAfterMs?: number,
): Promise<Run> {
  const time = new VirtualTime();
  if (abortAfterMs !== undefined) {
    time.clock.callAt(time.clock.nowMs() + abortAfterMs, () => {
      abort.abort();
    });
  }
  const person = new Person(time, ...answers);
  const context = { signal: abort.signal, console: person, clock: time.clock };
  return { code: await time.run(job(args, context)), person };
}

for (const family of ["feetech", "dynamixel"]) {
  const simulated = ["--simulated", "--family", family];

  describe(`omp motors --family ${family}, simulated`, () => {
    test("scan lists every servo with its torque and asks nothing", async () => {
      const { code, person } = await run(scan, simulated);
      assert.equal(code, 0);
      assert.equal(person.questions, 0);
      assert.equal(person.lines.filter((line) => /^[1-6] .* off .*ok$/.test(line)).length, 6);
    });

    test("scan says what to try when nobody answers", async () => {
      const { code, person } = await run(scan, [...simulated, "--ids", "9-12"]);
      assert.equal(code, 1);
      assert.match(person.text, /no \w+ servo answers at 1000000 Bd.*--baud/);
    });

    test("calibrate finds offsets, ranges and angles, and writes a file that fits", async () => {
      const out = join(folder, `${family}.json`);
      const { code, person } = await run(calibrate, [...simulated, "--out", out], ["y", "", ""]);
      assert.equal(code, 0, person.text);
      const found = parseCalibration(readFileSync(out, "utf8"), out);
      const truth = new SimulatedSo101({
        clock: new VirtualTime().clock,
        family: found.family,
      }).calibration;
      for (const [i, motor] of truth.motors.entries()) {
        const made = found.motors[i];
        assert.ok(made !== undefined);
        assert.equal(made.joint, motor.joint);
        assert.equal(made.homingOffset, motor.homingOffset);
        assert.ok(Math.abs(made.rangeMin - motor.rangeMin) < 12, motor.joint);
        assert.ok(Math.abs(made.rangeMax - motor.rangeMax) < 12, motor.joint);
        assert.ok(Math.abs(made.zeroPosition - motor.zeroPosition) < 12, motor.joint);
      }
    });

    test("calibrate asks before it replaces a file", async () => {
      const out = join(folder, "kept.json");
      writeFileSync(out, "mine");
      const { code, person } = await run(calibrate, [...simulated, "--out", out], ["n"]);
      assert.equal(code, 1);
      assert.match(person.text, /kept\.json is there already/);
      assert.equal(readFileSync(out, "utf8"), "mine");
    });

    test("calibrate changes nothing without a yes, and writes no file when input ends", async () => {
      const out = join(folder, "none.json");
      const args = [...simulated, "--out", out];
      const refused = await run(calibrate, args, ["n"]);
      assert.equal(refused.code, 1);
      assert.match(refused.person.text, /nothing was changed/);
      const ended = await run(calibrate, args, ["y", ""]);
      assert.equal(ended.code, 1);
      assert.throws(() => readFileSync(out));
    });

    test("jog gives torque only after a yes", async () => {
      const { code, person } = await run(jog, simulated, ["no"]);
      assert.equal(code, 1);
      assert.match(person.lines.at(-1) ?? "", /nothing was changed: torque is as it was/);
    });

    test("jog moves one joint by what was typed, refuses the rest, and holds at the end", async () => {
      const answers = ["y", "elbow_flex +5", "elbow_flex 50", "knee 1", "wrist_roll nan", ""];
      const { code, person } = await run(jog, simulated, answers);
      assert.equal(code, 0, person.text);
      assert.match(person.text, /torque is ON/);
      assert.match(person.text, /elbow_flex is at 5\.[01] degrees|elbow_flex is at 4\.9 degrees/);
      assert.match(person.text, /at most 15 degrees/);
      assert.equal(person.text.match(/not understood/g)?.length, 2);
      assert.match(person.lines.at(-1) ?? "", /torque stays ON: the arm holds/);
    });

    test("jog does not leave a joint's range", async () => {
      const steps = Array.from({ length: 3 }, () => "gripper +45");
      const { person } = await run(jog, [...simulated, "--max-step", "45"], ["y", ...steps, ""]);
      assert.match(person.text, /gripper goes from -10\.1 to 100\.1 degrees/);
    });

    test("Ctrl-C in the middle of a step stops it on the way", async () => {
      const abort = new AbortController();
      const { code, person } = await run(
        jog,
        simulated,
        ["y", "elbow_flex +15"],
        abort,
        // The step begins 3 s after the start: two answers; it takes a second.
        3600,
      );
      assert.equal(code, 130);
      const [, angle] = /elbow_flex is at (\S+) degrees/.exec(person.text) ?? [];
      assert.ok(Number(angle) > 0.5 && Number(angle) < 14, person.text);
      assert.match(person.lines.at(-1) ?? "", /torque stays ON: the arm holds/);
    });

    test("Ctrl-C while jogging holds by default and releases when asked for, and says so", async () => {
      for (const [more, text] of [
        [[], /torque stays ON: the arm holds/],
        [["--at-end", "release"], /torque is OFF/],
      ] as const) {
        const abort = new AbortController();
        const interrupt = (): undefined => {
          abort.abort();
        };
        const { code, person } = await run(jog, [...simulated, ...more], ["y", interrupt], abort);
        assert.equal(code, 130);
        assert.match(person.lines.at(-1) ?? "", text);
      }
    });

    test("release asks first, then takes torque and shows it", async () => {
      const refused = await run(release, simulated, ["n"]);
      assert.equal(refused.code, 1);
      assert.match(refused.person.text, /torque is as it was/);
      const { code, person } = await run(release, simulated, ["y"]);
      assert.equal(code, 0);
      assert.match(person.text, /arm falls/);
      assert.deepEqual(
        [" ON ", " off "].map(
          (state) => person.lines.filter((line) => line.includes(state)).length,
        ),
        [6, 6],
      );
    });
  });
}

test("a call that is not clear is refused before a port is opened", async () => {
  for (const [job, args] of [
    [scan, []],
    [scan, ["--simulated", "--port", "/dev/null"]],
    [scan, ["--simulated", "--ids", "1-300"]],
    [scan, ["--simulated", "--family", "other"]],
    [jog, ["--port", "/dev/null"]],
    [calibrate, ["--simulated", "--ids", "1-3"]],
  ] as const) {
    await assert.rejects(run(job, args), { code: "INVALID_ARGUMENT" });
  }
});

/** `omp motors …` as a process of its own. */
function startMotors(...args: readonly string[]): {
  readonly type: (text: string) => void;
  readonly interrupt: () => void;
  readonly output: () => string;
  readonly shown: (pattern: RegExp) => Promise<void>;
  readonly ended: Promise<number | null>;
} {
  const omp = repositoryPath("dist", "sdk", "cli", "omp.js");
  const child = spawn(process.execPath, [omp, "motors", ...args]);
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
  }
  const ended = once(child, "exit").then(() => child.exitCode);
  return {
    type: (line) => child.stdin.write(line),
    interrupt: () => child.kill("SIGINT"),
    output: () => text,
    shown: async (pattern) => {
      while (!pattern.test(text)) {
        assert.equal(child.exitCode, null, text);
        await new Promise((resolve) => {
          setTimeout(resolve, 20);
        });
      }
    },
    ended,
  };
}

test("Ctrl-C ends a jog that waits for a line, and the arm holds", async () => {
  const motors = startMotors("jog", "--simulated", "--yes");
  await motors.shown(/jog>/);
  motors.interrupt();
  assert.equal(await motors.ended, 130, motors.output());
  assert.match(motors.output(), /torque stays ON: the arm holds/);
});

test("over a real pty: scan, import a LeRobot calibration, release", async () => {
  const arm = new SimulatedSo101({ clock: new MonotonicClock(), hasTorque: true });
  const pty = await PtyServoBus.start(arm.bus);
  try {
    const onPty = ["--port", pty.path, "--latency", "1000"];
    const scanned = startMotors("scan", ...onPty, "--ids", "1-6");
    assert.equal(await scanned.ended, 0, scanned.output());
    assert.equal(scanned.output().match(/ sts3215 /g)?.length, 6);

    const leRobot = join(folder, "lerobot.json");
    const out = join(folder, "imported.json");
    const motorsOf = arm.calibration.motors.map((motor) => [
      motor.joint,
      {
        id: motor.id,
        drive_mode: 0,
        homing_offset: motor.homingOffset + 10,
        range_min: motor.rangeMin + 10,
        range_max: motor.rangeMax + 10,
      },
    ]);
    writeFileSync(leRobot, JSON.stringify(Object.fromEntries(motorsOf)));
    const imported = startMotors("calibrate", ...onPty, "--import", leRobot, "--out", out);
    await imported.shown(/switches torque off.*\[y\/N\]/);
    assert.ok(
      arm.bus.servos.every((servo) => servo.hasTorque),
      "nothing before the answer",
    );
    imported.type("y\n");
    assert.equal(await imported.ended, 0, imported.output());
    for (const [i, servo] of arm.bus.servos.entries()) {
      const motor = arm.calibration.motors[i];
      assert.equal(servo.get("homingOffset"), (motor?.homingOffset ?? 0) + 10);
      assert.equal(servo.get("minPosition"), (motor?.rangeMin ?? 0) + 10);
      assert.equal(servo.get("eepromLock"), 1);
      assert.equal(servo.hasTorque, false);
    }
    const calibration = parseCalibration(readFileSync(out, "utf8"), out);
    assert.equal(calibrationText(calibration), readFileSync(out, "utf8"));

    for (const servo of arm.bus.servos) servo.set("torqueEnable", 1);
    const released = startMotors("release", ...onPty, "--yes");
    assert.equal(await released.ended, 0, released.output());
    assert.ok(arm.bus.servos.every((servo) => !servo.hasTorque));
  } finally {
    pty.close();
  }
});
