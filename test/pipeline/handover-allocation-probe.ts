/** Prints how many bytes of heap one joined chunk leaves behind, by strategy. Run with `--expose-gc`. */
import { createHandover, type HandoverOptions } from "../../sdk/src/handover/handover-options.ts";
import { createPlan } from "../../sdk/src/plan.ts";
import type { ActionChunk } from "../../sdk/src/types.ts";
import { tinyManifest } from "./tiny-loop.ts";

const { horizon, actionStartIndex, dtMs, leadSteps } = tinyManifest.policy;
const strategies: Readonly<Record<string, HandoverOptions>> = {
  replace: { strategy: "replace" },
  fade: { strategy: "fade" },
  ensemble: { strategy: "ensemble", ensembleRate: 1 },
  "ensemble, cubic": { strategy: "ensemble", pointsPerStep: 5 },
};
const chunk: ActionChunk = {
  rows: Float64Array.from({ length: horizon * 2 }, (_, i) => Math.sin(i)),
  horizon,
  actionDim: 2,
  actionStartIndex,
  dtMs,
  sequence: 1,
  observedAtMs: 0.5,
  inferenceMs: 0,
};
const CHUNKS = 4000;
const bytes: Record<string, number> = {};
for (const [name, options] of Object.entries(strategies)) {
  const handover = createHandover(tinyManifest, options);
  const plan = createPlan(horizon * handover.pointsPerStep, 2);
  const rows = chunk.rows.subarray((actionStartIndex + leadSteps) * 2);
  const measure = (): number => {
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < CHUNKS; i += 1) {
      plan.firstRow = actionStartIndex + leadSteps;
      plan.trajectory.count = horizon - plan.firstRow;
      plan.trajectory.dtMs = dtMs;
      plan.trajectory.startAtMs = 0.5;
      plan.trajectory.positions.set(rows);
      handover.join(plan, chunk);
    }
    return (process.memoryUsage().heapUsed - before) / CHUNKS;
  };
  bytes[name] = Math.min(...Array.from({ length: 8 }, measure));
}
process.stdout.write(JSON.stringify(bytes));
