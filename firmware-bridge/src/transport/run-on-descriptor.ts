import { spawn } from "node:child_process";

import { OmpError } from "../../../sdk/src/errors.ts";

/**
 * Runs a tool with `descriptor` as its standard input.
 *
 * @param refusal what it means when the tool fails without a word
 * @throws {OmpError} TOOL_FAILED
 */
export function runOnDescriptor(
  descriptor: number,
  command: string,
  args: readonly string[],
  refusal: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (observed: string, next?: string): void => {
      const report = { what: `${command} failed`, observed, ...(next !== undefined && { next }) };
      reject(new OmpError("TOOL_FAILED", report));
    };
    const child = spawn(command, args, {
      stdio: [descriptor, "ignore", "pipe"],
      env: { ...process.env, LC_ALL: "C" },
    });
    let said = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    child.once("error", (error) => {
      failed(error.message, `Install ${command}.`);
    });
    child.once("close", (status) => {
      if (status === 0) resolve();
      else failed(said.trim() || refusal);
    });
  });
}
