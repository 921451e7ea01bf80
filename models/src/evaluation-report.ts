import { ErrorCode, OmpError } from "../../sdk/src/errors.ts";
import type { ToolResult } from "./events.ts";

/** What one policy did; the fields of `rollout` in `models/python/omp_models/events.py`. */
interface PolicyOutcome {
  readonly policy: string;
  readonly episodes: number;
  readonly successes: number;
  readonly interval_95: readonly [number, number];
  readonly inference: Latency | null;
  readonly round_trip: Latency | null;
}

interface Latency {
  readonly p50_ms: number;
  readonly p99_ms: number;
}

interface Paired {
  readonly only_first: readonly number[];
  readonly only_second: readonly number[];
  readonly mcnemar_p: number;
}

/**
 * The outcome of a rollout in a few lines for people.
 *
 * @param result of the `rollout` command
 * @param names what the report calls a policy, where that is not its name
 * @throws {OmpError} INTERNAL when the result is not that of a rollout
 */
export function describeEvaluation(
  result: ToolResult,
  names: Readonly<Record<string, string>> = {},
): readonly string[] {
  const { task, policies, paired } = result;
  if (!Array.isArray(policies) || !policies.every(isOutcome) || !isPaired(paired)) {
    throw new OmpError(ErrorCode.Internal, {
      what: "the Python tool reports a rollout in another form",
      observed: JSON.stringify(result),
    });
  }
  const nameOf = ({ policy }: PolicyOutcome): string => names[policy] ?? policy;
  const lines = [`task ${String(task)}`];
  for (const outcome of policies) {
    const { successes, episodes, interval_95: interval } = outcome;
    lines.push(
      `${nameOf(outcome)}: ${successes} of ${episodes} episodes succeeded, ${percent(successes / episodes)} ` +
        `(95 % interval ${percent(interval[0])} to ${percent(interval[1])})`,
      `  ${[latency("inference", outcome.inference), latency("round trip", outcome.round_trip)].filter(Boolean).join("; ")}`,
    );
  }
  const [first, second] = policies;
  if (paired !== null && first !== undefined && second !== undefined) {
    lines.push(
      `same seeds: ${paired.only_first.length} only ${nameOf(first)}, ${paired.only_second.length} only ${nameOf(second)}; ` +
        `McNemar's exact p ${paired.mcnemar_p.toPrecision(2)}`,
    );
  }
  return lines;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function latency(name: string, times: Latency | null): string | undefined {
  if (times === null) return undefined;
  return `${name} p50 ${times.p50_ms.toFixed(2)} ms, p99 ${times.p99_ms.toFixed(2)} ms`;
}

function isOutcome(value: unknown): value is PolicyOutcome {
  return (
    typeof value === "object" &&
    value !== null &&
    "interval_95" in value &&
    Array.isArray(value.interval_95) &&
    "successes" in value &&
    typeof value.successes === "number"
  );
}

function isPaired(value: unknown): value is Paired | null {
  return value === null || (typeof value === "object" && "mcnemar_p" in (value ?? {}));
}
