import { availableParallelism } from "node:os";

import type { Manifest } from "../../src/bundle/manifest.ts";
import type { GraphOptimizationLevel } from "../../src/runtime/node/ort-session.ts";
import type { Tuning } from "../../src/runtime/node/tuning.ts";

/** One way to run a bundle. */
export type Setting = Omit<Tuning, "target">;

export interface GridLimits {
  readonly providers: readonly string[];
  /** Most threads of one inference. */
  readonly maxThreads: number;
}

/** Lower levels were slower on every graph that was measured. */
const levels: readonly GraphOptimizationLevel[] = ["all", "extended"];

/** More threads than this gain nothing for networks that run at control rates. */
const THREAD_COUNTS = [1, 2, 4, 6];

/** Leaves a core to the control loop where there is more than one. */
export function defaultMaxThreads(): number {
  return Math.max(1, availableParallelism() - 1);
}

/** What is worth measuring: the manifest's variants, its default first; threads and spinning are the CPU's alone. */
export function settings(
  { variants, defaultVariant }: Pick<Manifest, "variants" | "defaultVariant">,
  { providers, maxThreads }: GridLimits,
): readonly Setting[] {
  const runnable = variants.filter(({ inputs }) => inputs.length === 0).map(({ name }) => name);
  const counts = THREAD_COUNTS.filter((count) => count <= maxThreads);
  const all: Setting[] = [];
  for (const variant of new Set([defaultVariant, ...runnable])) {
    for (const executionProvider of providers) {
      const isCpu = executionProvider === "cpu";
      for (const graphOptimizationLevel of levels) {
        for (const intraOpNumThreads of isCpu ? counts : [1]) {
          for (const allowSpinning of intraOpNumThreads > 1 ? [false, true] : [false]) {
            all.push({
              variant,
              executionProvider,
              graphOptimizationLevel,
              intraOpNumThreads,
              allowSpinning,
            });
          }
        }
      }
    }
  }
  return all;
}

export interface MeasuredSetting {
  readonly setting: Setting;
  readonly p50Us: number;
}

/** A gain below this is not worth a core, or leaving the bundle's own variant. */
const WORTH = 1.05;

/**
 * Of the settings within 5 % of the fastest the one that costs the least: few threads, no spinning, the bundle's default variant,
 * then the fastest.
 *
 * @param measured at least one
 */
export function choose(
  measured: readonly MeasuredSetting[],
  defaultVariant: string,
): MeasuredSetting {
  const fastestUs = Math.min(...measured.map(({ p50Us }) => p50Us));
  const cost = ({ setting, p50Us }: MeasuredSetting): readonly number[] => [
    setting.intraOpNumThreads,
    Number(setting.allowSpinning),
    Number(setting.variant !== defaultVariant),
    p50Us,
  ];
  const near = measured.filter(({ p50Us }) => p50Us <= fastestUs * WORTH);
  return near.reduce((best, one) => (isLess(cost(one), cost(best)) ? one : best));
}

/** Lexicographic. */
function isLess(a: readonly number[], b: readonly number[]): boolean {
  const i = a.findIndex((value, at) => value !== b[at]);
  return i >= 0 && (a[i] ?? 0) < (b[i] ?? 0);
}
