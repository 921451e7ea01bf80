import { existsSync, readFileSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";

import { ErrorCode, OmpError } from "../../src/errors.ts";
import type { Command } from "../command.ts";
import { type ParsedCommand, parseCommand } from "../command-options.ts";
import { type ServiceSpec, unitText } from "../service/service-unit.ts";
import { type ServiceState, Systemd } from "../service/systemd.ts";

type Job = (args: readonly string[], program: readonly string[]) => Promise<number>;

const jobs: Readonly<Record<string, Job>> = { install, uninstall, status };

/** Owners of serial ports, cameras, the GPU, buses and pins; those this computer has are given to the program. */
const deviceGroups = ["dialout", "video", "render", "i2c", "gpio"];

/** Has the computer start a robot program by itself. */
export const service: Command = {
  summary: "have a robot program started at boot, as a systemd service",
  usage: `usage: omp service install [options] -- PROGRAM [ARGUMENT...]
       omp service <uninstall | status> [options]

  install    write the unit and have it started at every boot; not now, for it may move the arm, unless --start
  uninstall  stop it and take its unit away
  status     how it is doing; exit status 0 only while it runs

  --name NAME      of the unit (omp-robot)
install, uninstall:
  --root DIR       in a system image in this folder instead of this computer
status:
  --json           one JSON object
install:
  --user NAME      who runs the program, never root (who called sudo)
  --directory DIR  its working directory (this one)
  --start          start it now
  --print          write the unit to standard output and do nothing else

The program is started again 2 s after a crash, at most 5 times a minute, not after exit code 2. It may use real-time priorities
(CAP_SYS_NICE, RLIMIT_RTPRIO) and the devices of the groups ${deviceGroups.join(", ")}. It reads every file its user may read and
writes below /var/lib/NAME only ($STATE_DIRECTORY).
Exit status: 0 done, 1 not done, 2 wrong call.`,

  async run(args) {
    const [name = "", ...rest] = args;
    const job = Object.hasOwn(jobs, name) ? jobs[name] : undefined;
    if (job === undefined) {
      throw new OmpError(ErrorCode.InvalidArgument, {
        what: "omp service needs to know what to do",
        observed: name === "" ? "nothing" : name,
        expected: Object.keys(jobs).join(", "),
      });
    }
    const end = rest.indexOf("--");
    const [own, program] = end < 0 ? [rest, []] : [rest.slice(0, end), rest.slice(end + 1)];
    return job(own, program);
  },
};

const image = { name: { type: "string" }, root: { type: "string" } } as const;

function serviceName(options: ParsedCommand): string {
  return options.text("name") ?? "omp-robot";
}

async function install(args: readonly string[], program: readonly string[]): Promise<number> {
  const options = parseCommand(args, {
    ...image,
    user: { type: "string" },
    directory: { type: "string" },
    start: { type: "boolean" },
    print: { type: "boolean" },
  });
  const root = options.text("root");
  const user = options.text("user") ?? process.env["SUDO_USER"];
  const [first, ...rest] = program;
  if (user === undefined || first === undefined) {
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: user === undefined ? "--user is missing" : "the program is missing",
      expected: "omp service install --user NAME -- PROGRAM [ARGUMENT...]",
    });
  }
  const spec: ServiceSpec = {
    name: serviceName(options),
    user,
    groups: deviceGroups.filter((group) => isListed("group", group, root)),
    workingDirectory: resolve(options.text("directory") ?? "."),
    command: [absoluteProgram(first), ...rest],
  };
  const text = unitText(spec);
  if (options.flag("print")) {
    process.stdout.write(text);
    return 0;
  }
  if (!isListed("passwd", user, root)) {
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: `there is no user ${user}`,
      next: `sudo adduser --system --group ${user}`,
    });
  }
  const systemd = new Systemd(root);
  await systemd.install(spec.name, text);
  console.log(`wrote ${systemd.unitPath(spec.name)}; it starts at boot`);
  if (!systemd.isRunning) return 0;
  if (options.flag("start")) await systemd.systemctl("restart", `${spec.name}.service`);
  else console.log(`to start it now: sudo systemctl start ${spec.name}`);
  console.log(`what it prints: journalctl -fu ${spec.name}`);
  return 0;
}

async function uninstall(args: readonly string[]): Promise<number> {
  const options = parseCommand(args, image);
  const name = serviceName(options);
  const systemd = new Systemd(options.text("root"));
  const wasThere = await systemd.uninstall(name);
  console.log(wasThere ? `removed ${systemd.unitPath(name)}` : `there is no service ${name}`);
  return wasThere ? 0 : 1;
}

async function status(args: readonly string[]): Promise<number> {
  const options = parseCommand(args, { name: { type: "string" }, json: { type: "boolean" } });
  const name = serviceName(options);
  const state = await new Systemd(undefined).state(name);
  if (options.flag("json")) console.log(JSON.stringify(stateJson(name, state)));
  else console.log(stateLines(name, state).join("\n"));
  return state?.active === "active" ? 0 : 1;
}

function stateLines(name: string, state: ServiceState | undefined): string[] {
  if (state === undefined) return [`there is no service ${name}`];
  const { active, sub, file, result, restarts, exitCode } = state;
  const line = `${name}: ${active} (${sub}), ${file}, started again ${restarts} times`;
  return active === "active" ? [line] : [line, `last run: ${result}, exit code ${exitCode}`];
}

function stateJson(
  name: string,
  state: ServiceState | undefined,
): Readonly<Record<string, unknown>> {
  if (state === undefined) return { name, is_installed: false };
  const { active, sub, file, result, restarts, exitCode: exit_code } = state;
  return { name, is_installed: true, active, sub, file, result, restarts, exit_code };
}

/** systemd wants an absolute path, and means by a name something else than the shell that calls this. */
function absoluteProgram(program: string): string {
  if (program === "node") return process.execPath;
  if (program.includes("/")) return resolve(program);
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const found = folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
  if (found !== undefined) return resolve(found);
  throw new OmpError(ErrorCode.InvalidArgument, {
    what: `there is no program ${program} on the PATH`,
    next: "Name it with its path.",
  });
}

/** Whether /etc/passwd or /etc/group has a line for `name`. */
function isListed(file: "passwd" | "group", name: string, root: string = "/"): boolean {
  try {
    const lines = readFileSync(join(root, "etc", file), "utf8").split("\n");
    return lines.some((line) => line.startsWith(`${name}:`));
  } catch {
    return false;
  }
}
