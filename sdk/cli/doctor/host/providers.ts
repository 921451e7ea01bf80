import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { asOmpError, ErrorCode } from "../../../src/errors.ts";
import type { Finding } from "../finding.ts";

/** An execution provider that this build of onnxruntime names, and what it does here. */
export type Provider =
  | {
      readonly name: string;
      readonly isUsable: true;
      readonly runtime: string;
      readonly p50Ms: number;
    }
  | { readonly name: string; readonly isUsable: false; readonly reason: string };

const probe = fileURLToPath(new URL("./provider-probe.js", import.meta.url));
const TIMEOUT_MS = 60_000;
const downloadCuda =
  "node node_modules/onnxruntime-node/script/install.js   # with an NVIDIA GPU: downloads its libraries from outside the registry";

/**
 * Runs the bundle on every execution provider of onnxruntime-node, each in a process of its own: one that lacks its libraries may end
 * the process.
 *
 * @throws {OmpError} BACKEND_LOAD_FAILED when onnxruntime-node itself cannot be loaded
 */
export async function probeProviders(bundle: string): Promise<Provider[]> {
  const names: readonly string[] = JSON.parse(
    await runProbe().catch((error: unknown) => {
      throw asOmpError(error, ErrorCode.BackendLoadFailed, "onnxruntime-node cannot be loaded");
    }),
  );
  const providers: Provider[] = [];
  for (const name of names) providers.push(await probeProvider(name, bundle));
  return providers;
}

export function judgeProviders(providers: readonly Provider[], isJetson: boolean): Finding[] {
  const check = "inference";
  const findings = providers.map((provider): Finding => {
    if (provider.isUsable) {
      const text = `${provider.name} answers right, ${provider.p50Ms.toFixed(2)} ms a chunk (${provider.runtime})`;
      return { check, level: "ok", text };
    }
    const level = provider.name === "cpu" ? "problem" : "advice";
    const text = `${provider.name} cannot be used: ${provider.reason}`;
    return { check, level, text, ...(provider.name === "cuda" && { fix: downloadCuda }) };
  });
  if (isJetson && !providers.some(({ name }) => name === "cuda" || name === "tensorrt")) {
    const text =
      "the GPU is not used: onnxruntime-node has none for arm64; one built for JetPack can be given to loadPolicy as backend";
    findings.push({ check, level: "advice", text });
  }
  return findings;
}

async function probeProvider(name: string, bundle: string): Promise<Provider> {
  try {
    return JSON.parse(await runProbe(name, bundle));
  } catch (error) {
    const reason = error instanceof Error ? lastLine(error.message) : String(error);
    return { name, isUsable: false, reason };
  }
}

async function runProbe(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [probe, ...args], {
    timeout: TIMEOUT_MS,
  });
  return stdout;
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? text;
}
