import { verifyGolden } from "../../src/bundle/golden.ts";
import { loadBundle } from "../../src/bundle/load-bundle.ts";
import { isOmpError, type OmpError } from "../../src/errors.ts";
import type { FileBundleReader } from "../../src/runtime/node/file-bundle-reader.ts";
import { OrtSession } from "../../src/runtime/node/ort-session.ts";
import type { Setting } from "./grid.ts";
import { type Contender, localContender, quantile, takeTurns, type Turns } from "./take-turns.ts";

/** What came of one setting. */
export type SettingResult =
  | {
      readonly setting: Setting;
      readonly isUsable: true;
      readonly p50Us: number;
      readonly p99Us: number;
      readonly samplesUs: readonly number[];
    }
  | { readonly setting: Setting; readonly isUsable: false; readonly reason: string };

export interface SettingsMeasurement {
  readonly settings: readonly Setting[];
  readonly turns: Turns;
  readonly onnxruntime?: string;
  /** Called before every round; what it throws ends the measurement. */
  readonly onRound: (round: number) => void;
}

/**
 * Runs the bundle in every setting, in turns. A setting that cannot be loaded, or whose answers differ from the bundle's golden ones by
 * more than their tolerance, is told and left out.
 */
export async function measureSettings(
  reader: FileBundleReader,
  { settings, turns, onnxruntime, onRound }: SettingsMeasurement,
): Promise<readonly SettingResult[]> {
  const results: SettingResult[] = [];
  const contenders: { readonly setting: Setting; readonly contender: Contender }[] = [];
  try {
    for (const setting of settings) {
      const started = await start(reader, setting, onnxruntime);
      if ("contender" in started) contenders.push({ setting, contender: started.contender });
      else results.push({ setting, isUsable: false, reason: reasonOf(started.error) });
    }
    const samples = await takeTurns(
      contenders.map(({ contender }) => contender),
      turns,
      onRound,
    );
    for (const { setting, contender } of contenders) {
      const samplesUs = samples.get(contender.name) ?? [];
      const [p50Us, p99Us] = [quantile(samplesUs, 0.5), quantile(samplesUs, 0.99)];
      results.push({ setting, isUsable: true, p50Us, p99Us, samplesUs });
    }
  } finally {
    for (const { contender } of contenders) await contender.close();
  }
  return results;
}

async function start(
  reader: FileBundleReader,
  setting: Setting,
  onnxruntime: string | undefined,
): Promise<{ readonly contender: Contender } | { readonly error: OmpError }> {
  const { variant, executionProvider, ...options } = setting;
  const session = new OrtSession({
    ...options,
    executionProviders: [executionProvider],
    ...(onnxruntime !== undefined && { onnxruntime }),
  });
  try {
    const { manifest, golden, model } = await loadBundle(reader, variant);
    const info = await session.load(model);
    await verifyGolden(manifest, golden, session, info);
    const inputs = golden.cases[0]?.inputs ?? new Map();
    const outputs = info.memory?.outputs ?? new Map();
    const work = async (): Promise<number> => session.infer(inputs, outputs);
    return {
      contender: localContender(JSON.stringify(setting), work, async () => session.close()),
    };
  } catch (error) {
    await session.close();
    if (!isOmpError(error)) throw error;
    return { error };
  }
}

function reasonOf({ code, report, message }: OmpError): string {
  if (code !== "BUNDLE_GOLDEN_MISMATCH") return report.observed ?? message;
  return `its answers differ from the golden ones: ${report.observed}, ${report.expected}`;
}
