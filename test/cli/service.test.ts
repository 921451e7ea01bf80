import assert from "node:assert/strict";
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { repositoryPath } from "../support/repository.ts";

function needs(command: string): { readonly skip: string | false } {
  const isThere = spawnSync(command, ["--version"]).status === 0;
  return { skip: isThere ? false : `no ${command}` };
}

function service(...args: readonly string[]): SpawnSyncReturns<string> {
  const omp = repositoryPath("dist", "sdk", "cli", "omp.js");
  const env = { ...process.env, SUDO_USER: undefined };
  return spawnSync(process.execPath, [omp, "service", ...args], { encoding: "utf8", env });
}

/** A system image with one user. */
const image = mkdtempSync(join(tmpdir(), "omp-image-"));
mkdirSync(join(image, "etc"));
writeFileSync(
  join(image, "etc", "passwd"),
  "root:x:0:0::/root:/bin/sh\nrobot:x:900:900::/:/bin/sh\n",
);
writeFileSync(join(image, "etc", "group"), "root:x:0:\ndialout:x:20:\n");
after(() => rmSync(image, { recursive: true }));

const program = ["--", "node", "a b.js", "100%", "$HOME", 'q"x\\y', ";"];

test("systemd finds nothing wrong with the unit", needs("systemd-analyze"), () => {
  const { stdout, status } = service("install", "--print", "--user", "robot", ...program);
  assert.equal(status, 0);
  const unit = join(image, "omp-robot.service");
  writeFileSync(unit, stdout);
  const verified = spawnSync("systemd-analyze", ["verify", unit], { encoding: "utf8" });
  assert.equal(verified.stderr, "");
  assert.equal(verified.status, 0);
  // What it can find: a broken unit does not pass.
  writeFileSync(unit, stdout.replace("Type=exec", "Type=robot").replace("/node", "/no-such-node"));
  const broken = spawnSync("systemd-analyze", ["verify", unit], { encoding: "utf8" });
  assert.notEqual(broken.stderr, "");
});

test("installs into a system image, again, and uninstalls", needs("systemctl"), () => {
  const folder = join(image, "etc", "systemd", "system");
  const unit = join(folder, "arm.service");
  const link = join(folder, "multi-user.target.wants", "arm.service");
  const options = ["--root", image, "--name", "arm"];
  for (const rounds of ["first", "second"]) {
    const { stdout, status } = service("install", ...options, "--user", "robot", ...program);
    assert.equal(status, 0, rounds);
    assert.match(stdout, /wrote .*arm\.service; it starts at boot/);
  }
  assert.match(readFileSync(unit, "utf8"), /^SupplementaryGroups=dialout$/m);
  assert.equal(readlinkSync(link), "/etc/systemd/system/arm.service", "it is started at boot");

  assert.equal(service("uninstall", ...options).status, 0);
  assert.equal(existsSync(unit), false);
  assert.equal(lstatSync(link, { throwIfNoEntry: false }), undefined);
  const again = service("uninstall", ...options);
  assert.deepEqual([again.status, again.stdout], [1, "there is no service arm\n"]);
});

test("a unit that somebody else wrote is left alone", () => {
  const folder = join(image, "etc", "systemd", "system");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "other.service"), "[Unit]\n");
  const options = ["--root", image, "--name", "other"];
  for (const call of [
    ["install", ...options, "--user", "robot", ...program],
    ["uninstall", ...options],
  ]) {
    const { stderr, status } = service(...call);
    assert.equal(status, 1);
    assert.match(stderr, /INVALID_STATE.*was not written by omp service/);
  }
  assert.equal(readFileSync(join(folder, "other.service"), "utf8"), "[Unit]\n");
});

test("wrong calls are refused before anything is written", () => {
  const root = ["--root", image, "--name", "wrong"];
  for (const [call, message] of [
    [["install", ...root, "--user", "root", ...program], /does not run as root/],
    [["install", ...root, "--user", "nobody-here", ...program], /no user nobody-here.*adduser/],
    [["install", ...root, ...program], /--user is missing/],
    [["install", ...root, "--user", "robot"], /program is missing/],
    [
      ["install", ...root, "--user", "robot", "--", "no-such-program"],
      /no program no-such-program/,
    ],
    [["install", ...root, "--user", "robot", "stray", ...program], /does not fit/],
    [["status", ...root], /root/],
    [["restart"], /install, uninstall, status/],
    [[], /install, uninstall, status/],
  ] as const) {
    const { stderr, status } = service(...call);
    assert.equal(status, 2, stderr);
    assert.match(stderr, message);
  }
  assert.equal(existsSync(join(image, "etc", "systemd", "system", "wrong.service")), false);
});

test("the status of a service that is not there", () => {
  const { stdout, status } = service("status", "--name", "omp-no-such-service", "--json");
  assert.equal(status, 1);
  assert.deepEqual(JSON.parse(stdout), { name: "omp-no-such-service", is_installed: false });
});
