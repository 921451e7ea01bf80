import { statfs } from "node:fs/promises";

import { isOmpError, type OmpError } from "../../../src/errors.ts";
import { type Finding, findingLines } from "../finding.ts";
import { type Board, judgeBoard, readBoard } from "./board.ts";
import { histogramLines, type Jitter, judgeJitter, measureJitter } from "./jitter.ts";
import { judgeKernel, type Kernel, readKernel } from "./kernel.ts";
import {
  readTemperature,
  type Temperature,
} from "../../../../firmware-bridge/src/board-temperature.ts";
import { MachineFiles } from "../../../../firmware-bridge/src/machine-files.ts";
import { judgePower, type Power, readPower } from "./power.ts";
import { judgeProviders, probeProviders, type Provider } from "./providers.ts";
import { judgeRealtime, readRealtimeLimits, type RealtimeLimits } from "./realtime.ts";
import { judgeStorage, type Storage } from "./storage.ts";
import { judgeTemperature } from "./temperature.ts";

/** What Linux says of the machine in files. */
export interface HostFacts {
  readonly board: Board;
  readonly power: Power;
  readonly kernel: Kernel;
  readonly realtime: RealtimeLimits;
  readonly temperature: Temperature;
}

/** What had to be tried out. */
export interface HostMeasurements {
  readonly jitter: Jitter;
  /** Or why onnxruntime does not run at all. */
  readonly providers: readonly Provider[] | OmpError;
  readonly storage: Storage;
}

export interface HostDiagnosis extends HostMeasurements {
  readonly board: Board;
  readonly findings: readonly Finding[];
}

export function readHost(files: MachineFiles): HostFacts {
  return {
    board: readBoard(files),
    power: readPower(files),
    kernel: readKernel(files),
    realtime: readRealtimeLimits(files),
    temperature: readTemperature(files),
  };
}

export function judgeHost(facts: HostFacts, measured: HostMeasurements): Finding[] {
  const { board, power, kernel, realtime, temperature } = facts;
  const { jitter, providers, storage } = measured;
  return [
    ...judgeBoard(board),
    ...judgePower(power, board.isJetson),
    judgeTemperature(temperature),
    judgeKernel(kernel, board),
    ...judgeRealtime(realtime, jitter.attempt, kernel, board),
    judgeJitter(jitter),
    ...(isOmpError(providers)
      ? [{ check: "inference", level: "problem", text: providers.message } as const]
      : judgeProviders(providers, board.isJetson)),
    judgeStorage(storage),
  ];
}

export interface DiagnosisOptions {
  readonly bundle: string;
  readonly jitterMs: number;
}

/** Looks at this machine. The jitter comes first: nothing else runs meanwhile. */
export async function diagnoseHost({ bundle, jitterMs }: DiagnosisOptions): Promise<HostDiagnosis> {
  const facts = readHost(new MachineFiles());
  const jitter = await measureJitter(jitterMs);
  const providers = await probeProviders(bundle).catch((error: unknown) => {
    if (isOmpError(error)) return error;
    throw error;
  });
  const { bavail, bsize } = await statfs(".");
  const measured = {
    jitter,
    providers,
    storage: { folder: process.cwd(), freeBytes: bavail * bsize },
  };
  return { ...measured, board: facts.board, findings: judgeHost(facts, measured) };
}

/** A diagnosis as lines of text. */
export function hostLines({ findings, jitter }: HostDiagnosis): string[] {
  return findings.flatMap((finding) =>
    finding.check === "jitter"
      ? [...findingLines(finding), ...histogramLines(jitter)]
      : findingLines(finding),
  );
}

/** A diagnosis as JSON, snake_case; what is not known is null. */
export function hostJson({
  board,
  findings,
  jitter,
  providers,
  storage,
}: HostDiagnosis): Readonly<Record<string, unknown>> {
  return {
    board: {
      model: board.model ?? null,
      is_jetson: board.isJetson,
      l4t: board.l4t === undefined ? null : `R${board.l4t.major}.${board.l4t.revision}`,
      is_container: board.isContainer,
    },
    findings: findings.map(({ check, level, text, fix }) => ({
      check,
      level,
      text,
      fix: fix ?? null,
    })),
    jitter: {
      is_fifo: jitter.attempt.isGranted,
      count: jitter.count,
      p50_ms: jitter.p50Ms,
      p99_ms: jitter.p99Ms,
      p999_ms: jitter.p999Ms,
      max_ms: jitter.maxMs,
      promised_hz: jitter.promisedHz,
      histogram: jitter.histogram.map(({ upToMs, count }) => ({
        up_to_ms: Number.isFinite(upToMs) ? upToMs : null,
        count,
      })),
    },
    providers: isOmpError(providers) ? [] : providers.map(providerJson),
    storage: { folder: storage.folder, free_bytes: storage.freeBytes },
  };
}

function providerJson(provider: Provider): Readonly<Record<string, unknown>> {
  const { name } = provider;
  return provider.isUsable
    ? { name, is_usable: true, runtime: provider.runtime, p50_ms: provider.p50Ms }
    : { name, is_usable: false, reason: provider.reason };
}
