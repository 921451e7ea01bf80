import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import { asOmpError, ErrorCode, OmpError } from "../../src/errors.ts";
import { UNIT_MARK } from "./service-unit.ts";

/** How a service is doing, in systemd's words. */
export interface ServiceState {
  /** "active", "activating", "inactive", "failed" */
  readonly active: string;
  /** "running", "auto-restart", "dead" */
  readonly sub: string;
  /** "enabled", "disabled" */
  readonly file: string;
  /** "success", "exit-code", "signal", "start-limit-hit" */
  readonly result: string;
  readonly restarts: number;
  /** Exit code of the last run's main process. */
  readonly exitCode: number;
}

const properties = [
  "ActiveState",
  "SubState",
  "UnitFileState",
  "Result",
  "NRestarts",
  "ExecMainStatus",
];

/** The units of this computer, or of a system image that lies in a folder and is not running. */
export class Systemd {
  readonly #imageRoot: string | undefined;

  constructor(imageRoot: string | undefined) {
    this.#imageRoot = imageRoot;
  }

  get isRunning(): boolean {
    return this.#imageRoot === undefined;
  }

  unitPath(name: string): string {
    return join(this.#imageRoot ?? "/", "etc/systemd/system", `${name}.service`);
  }

  /**
   * Writes the unit and has it started at every boot from now on; does not start it.
   *
   * @throws {OmpError} INVALID_STATE when there is a unit of that name which is not ours; TOOL_FAILED
   */
  async install(name: string, text: string): Promise<void> {
    const path = this.unitPath(name);
    await this.#requireOurs(path);
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text, { mode: 0o644 });
    } catch (error) {
      throw mayNeedRoot(error, `cannot write ${path}`);
    }
    if (this.isRunning) await this.systemctl("daemon-reload");
    await this.systemctl("enable", "--quiet", `${name}.service`);
  }

  /**
   * Stops the service and takes its unit away.
   *
   * @returns false when there was none
   * @throws {OmpError} as `install`
   */
  async uninstall(name: string): Promise<boolean> {
    const path = this.unitPath(name);
    if (!(await this.#requireOurs(path))) return false;
    const stop = this.isRunning ? ["--now"] : [];
    await this.systemctl("disable", "--quiet", ...stop, `${name}.service`);
    try {
      await rm(path);
    } catch (error) {
      throw mayNeedRoot(error, `cannot remove ${path}`);
    }
    if (this.isRunning) await this.systemctl("daemon-reload");
    return true;
  }

  /** Undefined when no unit of ours has this name. @throws {OmpError} INVALID_STATE, TOOL_FAILED */
  async state(name: string): Promise<ServiceState | undefined> {
    if (!(await this.#requireOurs(this.unitPath(name)))) return undefined;
    return parseState(
      await this.systemctl("show", `--property=${properties.join()}`, `${name}.service`),
    );
  }

  /** @throws {OmpError} TOOL_FAILED with what systemctl said */
  async systemctl(...args: readonly string[]): Promise<string> {
    const root = this.#imageRoot === undefined ? [] : [`--root=${this.#imageRoot}`];
    try {
      const { stdout } = await promisify(execFile)("systemctl", [...root, ...args]);
      return stdout;
    } catch (error) {
      throw mayNeedRoot(error, `systemctl ${args.join(" ")} failed`);
    }
  }

  /** Whether the unit is there. */
  async #requireOurs(path: string): Promise<boolean> {
    let text: string;
    try {
      text = await readFile(path, "utf8");
    } catch {
      return false;
    }
    if (text.startsWith(UNIT_MARK)) return true;
    throw new OmpError(ErrorCode.InvalidState, {
      what: `${path} was not written by omp service`,
      next: "Choose another --name.",
    });
  }
}

/** Of `systemctl show`: lines of "Property=value". */
export function parseState(text: string): ServiceState {
  const values = new Map(
    text.split("\n").map((line): [string, string] => {
      const [property = "", ...value] = line.split("=");
      return [property, value.join("=")];
    }),
  );
  const word = (property: string): string => values.get(property) ?? "";
  return {
    active: word("ActiveState"),
    sub: word("SubState"),
    file: word("UnitFileState"),
    result: word("Result"),
    restarts: Number(word("NRestarts")),
    exitCode: Number(word("ExecMainStatus")),
  };
}

function mayNeedRoot(error: unknown, what: string): OmpError {
  const { report } = asOmpError(error, ErrorCode.ToolFailed, what);
  const isUser = process.getuid?.() !== 0;
  return new OmpError(ErrorCode.ToolFailed, {
    ...report,
    observed: (report.observed ?? "").trim().split("\n").at(-1) ?? "",
    ...(isUser && { next: "Call it with sudo." }),
  });
}
