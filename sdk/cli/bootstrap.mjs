// Sets up a fresh clone and runs one job: `npm start`, `npm test`, `npm run test:arm64`, `npm run build`, `npm run proof`,
// `npm run bench`.
// Plain JavaScript with Node built-ins only: nothing is installed or compiled yet when it starts.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const pythonHome = join(root, "models", "python");
const python = join(pythonHome, ".venv", "bin", "python");
const EXIT_INTERRUPTED = 130;

// onnxruntime-node's install script downloads CUDA libraries from outside the registry on linux-x64.
const env = {
  ...process.env,
  ONNXRUNTIME_NODE_INSTALL: process.env.ONNXRUNTIME_NODE_INSTALL ?? "skip",
};

function step(title, command, args, options = {}) {
  if (title !== "") console.error(`▸ ${title}`);
  const result = spawnSync(command, args, { cwd: root, env, stdio: "inherit", ...options });
  if (result.error !== undefined) fail(`${command} did not start: ${result.error.message}`);
  // The job has said itself that Ctrl-C ended it.
  if (result.status === EXIT_INTERRUPTED) process.exit(EXIT_INTERRUPTED);
  if (result.status !== 0)
    fail(`${title === "" ? args[0] : title}: ended with ${result.status ?? result.signal}`);
}

function fail(message) {
  console.error(`omp-edge: ${message}`);
  process.exit(1);
}

function has(command) {
  return spawnSync(command, ["--version"], { stdio: "ignore" }).status === 0;
}

/** Runs `work` unless it last succeeded with the same content of `files`. */
function once(stamp, files, work) {
  const digest = createHash("sha256");
  for (const file of files) digest.update(readFileSync(join(root, file)));
  const hash = digest.digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return;
  work();
  writeFileSync(stamp, hash);
}

function install() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(`Node ${process.versions.node} is too old. Expected: 20.19 or newer.`);
  }
  mkdirSync(join(root, "node_modules"), { recursive: true });
  once(join(root, "node_modules", ".omp-installed"), ["package-lock.json", ".npmrc"], () => {
    // Not `npm ci`: it demands lock entries of the linter binaries of every platform, also those a registry mirror lacks.
    step("installing npm packages", "npm", ["install", "--no-save", "--loglevel=error"]);
  });
}

function build() {
  install();
  step("compiling TypeScript", process.execPath, [
    join("node_modules", "typescript", "bin", "tsc"),
    "-b",
  ]);
  step("bundling the fleet's page", process.execPath, [
    join("sdk", "cli", "fleet-ui", "build-page.mjs"),
  ]);
  if (has("cc") && has("make")) {
    step("compiling the motor-controller firmware for this host", "make", [
      "-s",
      "-C",
      "firmware-bridge/firmware",
      "host",
    ]);
  }
}

function preparePython() {
  if (!has("python3")) {
    console.error("▸ python3 not found: tests that compare with PyTorch will be skipped");
    return;
  }
  if (!existsSync(python)) {
    step("creating the Python environment", "python3", ["-m", "venv", join(pythonHome, ".venv")]);
  }
  once(
    join(pythonHome, ".venv", ".omp-installed"),
    ["models/python/requirements.txt", "models/python/pyproject.toml"],
    () => {
      step("installing Python packages (PyTorch is large)", python, [
        "-m",
        "pip",
        "install",
        "-q",
        "-r",
        "models/python/requirements.txt",
      ]);
    },
  );
}

function* testFiles(directory) {
  for (const entry of readdirSync(directory).sort()) {
    const path = join(directory, entry);
    if (statSync(path).isDirectory()) yield* testFiles(path);
    else if (entry.endsWith(".test.js")) yield path;
  }
}

function test(args) {
  build();
  preparePython();
  step("checking format", process.execPath, [
    "node_modules/prettier/bin/prettier.cjs",
    "--check",
    "--log-level=warn",
    ".",
  ]);
  step("linting", process.execPath, [
    "node_modules/oxlint/bin/oxlint",
    "--type-aware",
    "--deny-warnings",
  ]);
  if (existsSync(python)) {
    step("linting Python", python, ["-m", "ruff", "check", "--quiet"]);
    step("checking Python format", python, ["-m", "ruff", "format", "--check", "--quiet"]);
    step("testing Python", python, ["-m", "pytest", "models/python/tests"]);
  }
  const files = args.length > 0 ? args : [...testFiles(join(root, "dist"))];
  // A robot in real time must not share two cores with other tests: it would fault, and rightly.
  const [realtime, others] = [true, false].map((is) =>
    files.filter((file) => file.endsWith(".realtime.test.js") === is),
  );
  for (const [title, concurrency, group] of [
    ["testing TypeScript", 2, others],
    ["testing TypeScript in real time", 1, realtime],
  ]) {
    if (group.length === 0) continue;
    step(title, process.execPath, ["--test", `--test-concurrency=${concurrency}`, ...group]);
  }
}

const [job, ...rest] = process.argv.slice(2);
const args = rest[0] === "--" ? rest.slice(1) : rest;
// The job that follows handles Ctrl-C itself; this process waits for it.
process.on("SIGINT", () => {});
switch (job) {
  case "build":
    build();
    break;
  case "start":
    build();
    step("", process.execPath, ["dist/sdk/cli/omp.js", "demo", ...args]);
    break;
  case "test":
    test(args);
    break;
  case "test:arm64":
    build();
    step("testing the packed package on an emulated arm64 board", process.execPath, [
      "--test",
      "dist/test/arm64/installed-package.js",
      ...args,
    ]);
    break;
  case "proof":
    build();
    preparePython();
    step("", process.execPath, ["dist/test/proof/proof.js", ...args]);
    break;
  case "bench":
    build();
    step("", process.execPath, ["dist/test/bench/bench.js", ...args]);
    break;
  default:
    fail(`no job "${job}". One of: start, test, test:arm64, build, proof, bench.`);
}
