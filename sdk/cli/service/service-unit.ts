import { ErrorCode, OmpError } from "../../src/errors.ts";

/** A robot program that the computer starts by itself. */
export interface ServiceSpec {
  /** Of the unit, without ".service". */
  readonly name: string;
  /** Not root. */
  readonly user: string;
  /** Further groups of the process: those that own serial ports, cameras, the GPU. */
  readonly groups: readonly string[];
  /** Absolute. */
  readonly workingDirectory: string;
  /** The program, absolute, and its arguments. */
  readonly command: readonly [program: string, ...args: readonly string[]];
}

/** First line of every unit that `omp service` wrote; it touches no other. */
export const UNIT_MARK = "# Written by omp service install; `omp service uninstall` removes it.";

/** Highest SCHED_FIFO priority of the program's threads; above are only the kernel's own. */
const MAX_PRIORITY = 95;
/** Exit code of a wrong call, which another try does not put right. */
const WRONG_CALL = 2;

/**
 * The text of a systemd unit: started at boot, again after a crash, never as root. It may use real-time priorities and the devices of its
 * groups, and write below /var/lib/<name> only.
 *
 * Not set on purpose: MemoryDenyWriteExecute (V8 compiles), RestrictRealtime, PrivateDevices and ProtectClock (which closes the device
 * list, serial ports included).
 *
 * @throws {OmpError} INVALID_ARGUMENT
 */
export function unitText(spec: ServiceSpec): string {
  const { name, user, groups, workingDirectory, command } = checked(spec);
  return `${UNIT_MARK}
[Unit]
Description=Robot program ${name}
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
Type=exec
User=${user}
${groups.length === 0 ? "" : `SupplementaryGroups=${groups.join(" ")}\n`}WorkingDirectory=${escapeSpecifiers(workingDirectory)}
ExecStart=${command.map(quote).join(" ")}
Environment=NODE_ENV=production
Restart=on-failure
RestartSec=2
RestartPreventExitStatus=${WRONG_CALL}
KillMode=mixed
TimeoutStopSec=10

AmbientCapabilities=CAP_SYS_NICE
CapabilityBoundingSet=CAP_SYS_NICE
LimitRTPRIO=${MAX_PRIORITY}
LimitMEMLOCK=infinity

NoNewPrivileges=yes
StateDirectory=${name}
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectHostname=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
UMask=0027

[Install]
WantedBy=multi-user.target
`;
}

function checked(spec: ServiceSpec): ServiceSpec {
  const { name, user, workingDirectory, command } = spec;
  requireMatch("name of a service", name, /^[a-z0-9][a-z0-9_-]{0,62}$/, "a-z, 0-9, _ and -");
  requireMatch("user of a service", user, /^[a-z_][a-z0-9_-]{0,31}$/, "a name of /etc/passwd");
  if (user === "root") {
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: "a robot program does not run as root",
      next: "Name another user with --user; the unit gives it real-time priorities.",
    });
  }
  requireMatch("working directory", workingDirectory, /^\/[^\n]*$/, "an absolute path");
  requireMatch("program", command[0], /^\/[^\n]*$/, "an absolute path");
  for (const argument of command) {
    requireMatch("argument", argument, /^[^\n\0]*$/, "one line");
  }
  return spec;
}

function requireMatch(what: string, value: string, pattern: RegExp, expected: string): void {
  if (pattern.test(value)) return;
  throw new OmpError(ErrorCode.InvalidArgument, {
    what: `this is no ${what}`,
    observed: value,
    expected,
  });
}

/** One word of a command line as systemd.service(5) reads it: quotes, escapes, variables and specifiers stand for themselves. */
function quote(word: string): string {
  const escaped = escapeSpecifiers(word)
    .replaceAll("$", "$$$$")
    .replaceAll(/["\\]/g, (character) => `\\${character}`);
  return /^[\w./:=@%+,-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

function escapeSpecifiers(text: string): string {
  return text.replaceAll("%", "%%");
}
