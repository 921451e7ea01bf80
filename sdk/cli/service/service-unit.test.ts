import assert from "node:assert/strict";
import { test } from "node:test";

import { isOmpError } from "../../src/errors.ts";
import { type ServiceSpec, unitText } from "./service-unit.ts";
import { parseState } from "./systemd.ts";

const spec: ServiceSpec = {
  name: "arm-left",
  user: "robot",
  groups: ["dialout", "video"],
  workingDirectory: "/opt/robot",
  command: ["/usr/bin/node", "main.js"],
};

function lineOf(text: string, key: string): string | undefined {
  return text.split("\n").find((line) => line.startsWith(`${key}=`));
}

test("the program runs as its user, with real-time priorities and little else", () => {
  const lines = unitText(spec).split("\n");
  for (const line of [
    "User=robot",
    "SupplementaryGroups=dialout video",
    "WorkingDirectory=/opt/robot",
    "ExecStart=/usr/bin/node main.js",
    "Restart=on-failure",
    "AmbientCapabilities=CAP_SYS_NICE",
    "CapabilityBoundingSet=CAP_SYS_NICE",
    "LimitRTPRIO=95",
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "StateDirectory=arm-left",
  ]) {
    assert.ok(lines.includes(line), line);
  }
  assert.equal(lineOf(unitText({ ...spec, groups: [] }), "SupplementaryGroups"), undefined);
  // Each of these would take away what a robot program needs: compiled code, priorities, serial ports.
  assert.doesNotMatch(
    lines.join("\n"),
    /^(MemoryDenyWrite|RestrictRealtime|PrivateDev|ProtectClock)/m,
  );
});

test("arguments reach the program as they are", () => {
  const command = [
    "/opt/my robot/run",
    "a b",
    "100%",
    "$HOME",
    'say "\\"',
    ";",
    "",
    "a=b",
  ] as const;
  const text = unitText({ ...spec, command, workingDirectory: "/opt/100%" });
  assert.equal(
    lineOf(text, "ExecStart"),
    String.raw`ExecStart="/opt/my robot/run" "a b" 100%% "$$HOME" "say \"\\\"" ";" "" a=b`,
  );
  assert.equal(lineOf(text, "WorkingDirectory"), "WorkingDirectory=/opt/100%%");
});

test("what would break out of the unit is refused", () => {
  for (const [changed, message] of [
    [{ user: "root" }, /does not run as root/],
    [{ user: "robot\nUser=root" }, /no user/],
    [{ user: "0" }, /no user/],
    [{ name: "../ssh" }, /no name of a service/],
    [{ workingDirectory: "robot" }, /absolute path/],
    [{ command: ["node"] }, /absolute path/],
    [{ command: ["/bin/node", "a\nExecStart=/bin/sh"] }, /one line/],
  ] as const) {
    assert.throws(
      () => unitText({ ...spec, ...changed }),
      (error) => isOmpError(error, "INVALID_ARGUMENT") && message.test(error.message),
    );
  }
});

test("reads what systemctl shows", () => {
  const text =
    "NRestarts=3\nExecMainStatus=1\nResult=exit-code\nActiveState=activating\nSubState=auto-restart\nUnitFileState=enabled\n";
  assert.deepEqual(parseState(text), {
    active: "activating",
    sub: "auto-restart",
    file: "enabled",
    result: "exit-code",
    restarts: 3,
    exitCode: 1,
  });
});
