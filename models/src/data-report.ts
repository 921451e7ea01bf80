import type { ToolResult } from "./events.ts";

/** One key of inspected demonstrations, as in the `result` of `inspect`. */
interface KeyReport {
  readonly key: string;
  /** Of one step. */
  readonly shape: readonly number[];
  readonly dtype: string;
  /** Smallest value by channel, physical units. */
  readonly min: readonly number[];
  readonly max: readonly number[];
  /** Channels that never change. */
  readonly constant: readonly number[];
}

/** What `inspect` found in demonstrations, as lines for a person. */
export function describeDemonstrations(result: ToolResult): readonly string[] {
  const { episodes, steps, dt_ms, tasks, plot } = result;
  const period = typeof dt_ms === "number" ? ` of ${dt_ms} ms` : ", period not recorded";
  return [
    `${String(result["data"])}: ${String(episodes)} episodes, ${String(steps)} steps${period}`,
    ...describeLengths(result["lengths"]),
    ...(Array.isArray(tasks) ? tasks.map((task) => row("task", String(task))) : []),
    ...(Array.isArray(result["keys"]) ? result["keys"].filter(isKeyReport) : []).flatMap(
      describeKey,
    ),
    ...(typeof plot === "string" ? [row("plot", plot)] : []),
  ];
}

function describeLengths(lengths: unknown): readonly string[] {
  if (typeof lengths !== "object" || lengths === null) return [];
  const { min, median, max } = { min: 0, median: 0, max: 0, ...lengths };
  return [row("length", `${min} to ${max} steps, median ${median}`)];
}

function describeKey({ key, shape, dtype, min, max, constant }: KeyReport): readonly string[] {
  const moving = min.flatMap((low, channel) =>
    constant.includes(channel)
      ? []
      : [row("", `[${channel}] ${digits(low)} to ${digits(max[channel] ?? Number.NaN)}`)],
  );
  const still = constant.map((channel) => `[${channel}] ${digits(min[channel] ?? Number.NaN)}`);
  return [
    row("key", `${key} ${dtype} [${shape.join(", ")}]`),
    ...moving,
    ...(still.length === 0 ? [] : [row("", `constant: ${still.join(", ")}`)]),
  ];
}

function row(name: string, text: string): string {
  return `${name.padEnd(8)}${text}`;
}

function digits(value: number): string {
  return String(Number(value.toPrecision(4)));
}

function isKeyReport(value: unknown): value is KeyReport {
  if (typeof value !== "object" || value === null) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  return (
    typeof fields.get("key") === "string" &&
    typeof fields.get("dtype") === "string" &&
    ["shape", "min", "max", "constant"].every((name) => isNumbers(fields.get(name)))
  );
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((one) => typeof one === "number");
}
