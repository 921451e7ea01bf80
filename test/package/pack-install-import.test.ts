import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { PtyEcho } from "../support/pty-echo.ts";
import { repositoryRoot } from "../support/repository.ts";

const folder = mkdtempSync(join(tmpdir(), "omp-package-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" };

function run(command: string, args: readonly string[], cwd: string): string {
  return execFileSync(command, args, {
    cwd,
    env,
    encoding: "utf8",
    maxBuffer: 2 ** 24,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** What `npm pack --json` says of one tarball: an array of these, or an object by package name. */
interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

test("the packed tarball installs in an empty folder, imports, requires and runs", async () => {
  const packed: readonly Packed[] | Readonly<Record<string, Packed>> = JSON.parse(
    run(
      "npm",
      ["pack", "--json", "--ignore-scripts", "--pack-destination", folder],
      repositoryRoot,
    ),
  );
  const [first] = Object.values(packed);
  assert.ok(first, "npm pack says what it packed");
  const { filename, files } = first;
  const paths = files.map((file) => file.path);
  assert.ok(paths.includes("models/bundles/so101-push/manifest.json"), "the demo bundle is packed");
  assert.deepEqual(
    paths.filter((path) => path.includes(".test.") || path.startsWith("dist/test/")),
    [],
    "no test is packed",
  );

  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", private: true }));
  run(
    "npm",
    ["install", "--no-audit", "--no-fund", "--prefer-offline", join(folder, filename)],
    folder,
  );

  const entries = [
    "omp-edge",
    "omp-edge/node",
    "omp-edge/web",
    "omp-edge/serial",
    "omp-edge/socket",
    "omp-edge/servo",
    "omp-edge/mqtt",
    "omp-edge/firmware",
    "omp-edge/fleet",
    "omp-edge/recording",
    "omp-edge/testing",
  ];
  const imported = run(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `for (const name of ${JSON.stringify(entries)}) console.log(name, Object.keys(await import(name)).length > 0);`,
    ],
    folder,
  );
  for (const entry of entries) assert.match(imported, new RegExp(`^${entry} true$`, "m"));

  const required = run(
    process.execPath,
    ["-e", 'console.log(typeof require("omp-edge").OmpError)'],
    folder,
  );
  assert.equal(required.trim(), "function");

  const withoutPeer = run(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `const { OrtWebSession } = await import("omp-edge/web");
      await new OrtWebSession().load({ bytes: new Uint8Array() }).catch((error) => console.log(error.message));`,
    ],
    folder,
  );
  assert.match(withoutPeer, /^BACKEND_LOAD_FAILED.*npm install onnxruntime-web@/);

  const bundle = join("node_modules", "omp-edge", "models", "bundles", "so101-push");
  const inspected = run(
    process.execPath,
    [join("node_modules", "omp-edge", "dist", "sdk", "cli", "omp.js"), "inspect", bundle],
    folder,
  );
  assert.match(inspected, /so101-push/);

  if (process.platform === "linux") await checkSerialWithoutNativeCode();
});

/** A serial port opens without the package serialport, and asking for it says what is missing. */
async function checkSerialWithoutNativeCode(): Promise<void> {
  rmSync(join(folder, "node_modules", "serialport"), { recursive: true });
  const echo = await PtyEcho.start(1);
  try {
    const program = `
      import { MonotonicClock } from "omp-edge/node";
      import { openSerialTransport } from "omp-edge/serial";
      const clock = new MonotonicClock();
      const path = process.argv[1];
      const missing = await openSerialTransport({ clock, path, driver: "serialport" }).catch((e) => e);
      console.log(missing.message);
      const transport = await openSerialTransport({ clock, path });
      await new Promise((resolve) => {
        transport.onData((bytes) => resolve(console.log("echo", [...bytes].join())));
        transport.write(Uint8Array.of(1, 2, 3), 0, 3);
      });
      await transport.close();
    `;
    const args = ["--input-type=module", "-e", program, "--", echo.paths[0] ?? ""];
    const said = run(process.execPath, args, folder);
    assert.match(said, /LINK_OPEN_FAILED.*npm install serialport.*linux-tty/);
    assert.match(said, /^echo 1,2,3$/m);
  } finally {
    echo.close();
  }
}
