import type { RobotRecord } from "../../firmware-bridge/src/fleet/index.ts";

const columns = [
  "robot",
  "status",
  "loop",
  "success",
  "inference p50/p99",
  "lateness p50/p99",
  "frames sent/acked/rejected",
  "faults",
  "age",
] as const;

/** The fleet as lines of text: a header and one line a robot, columns aligned; a fault adds a line of its own. */
export function fleetLines(robots: readonly RobotRecord[]): string[] {
  const rows = [[...columns], ...robots.map(cells)];
  const widths = columns.map((_name, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  const lines: string[] = [];
  for (const [index, row] of rows.entries()) {
    lines.push(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    );
    const fault = robots[index - 1]?.state?.fault ?? null;
    if (fault !== null) lines.push(`  fault ${fault.reason}: ${printable(fault.detail)}`);
  }
  return lines;
}

/** One robot as JSON, keys as in FLEET.md. */
export function robotJson(robot: RobotRecord): Readonly<Record<string, unknown>> {
  const { birth, heartbeat, state, metrics } = robot;
  return {
    robot: robot.robotId,
    status: robot.status,
    offline_reason: robot.offlineReason === "" ? null : robot.offlineReason,
    age_ms: Math.round(robot.ageMs),
    session_id: birth?.sessionId ?? null,
    birth_sequence: birth?.birthSequence ?? null,
    restarts: robot.restarts,
    reconnects: robot.reconnects,
    software: birth?.software ?? null,
    model: birth?.model ?? null,
    bundle_id: birth?.bundleId ?? null,
    bundle_hash: birth?.bundleHash ?? null,
    provider: birth?.provider ?? null,
    link: birth?.link ?? null,
    firmware: birth?.firmware ?? null,
    loop_age_ms: measured(heartbeat?.loopAgeMs),
    messages_dropped: heartbeat?.dropped ?? null,
    loop_state: state?.loopState ?? null,
    fault: state?.fault ?? null,
    joint_names: birth?.joints.map(({ name }) => name) ?? [],
    joint_position: state?.jointPosition.map(measured) ?? [],
    episodes: metrics?.episodes ?? null,
    successes: metrics?.successes ?? null,
    inferences: metrics?.inferences ?? null,
    inference_p50_ms: measured(metrics?.inferenceP50Ms),
    inference_p99_ms: measured(metrics?.inferenceP99Ms),
    tick_lateness_p50_ms: measured(metrics?.tickLatenessP50Ms),
    tick_lateness_p99_ms: measured(metrics?.tickLatenessP99Ms),
    frames_sent: metrics?.framesSent ?? null,
    frames_acked: metrics?.framesAcked ?? null,
    frames_rejected: metrics?.framesRejected ?? null,
    faults: metrics?.faults ?? null,
    commands_executed: metrics?.commandsExecuted ?? null,
    commands_refused: metrics?.commandsRefused ?? null,
    records_dropped: metrics?.recordsDropped ?? null,
    records_waiting: metrics?.recordsWaiting ?? null,
    stored_bytes: metrics?.storedBytes ?? null,
    board_temperature_c: metrics?.boardTemperatureC ?? null,
    throttled_by: metrics?.throttledBy ?? null,
  };
}

/** A robot's text must not move the cursor or colour of the terminal it is shown on. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "�");
}

function cells(robot: RobotRecord): string[] {
  const { metrics, state, status, offlineReason } = robot;
  return [
    robot.robotId,
    status === "offline" ? `offline (${offlineReason.replace("_", " ")})` : status,
    state?.loopState ?? "–",
    metrics === undefined ? "–" : `${metrics.successes}/${metrics.episodes}`,
    metrics === undefined ? "–" : pair(metrics.inferenceP50Ms, metrics.inferenceP99Ms),
    metrics === undefined ? "–" : pair(metrics.tickLatenessP50Ms, metrics.tickLatenessP99Ms),
    metrics === undefined
      ? "–"
      : `${metrics.framesSent}/${metrics.framesAcked}/${metrics.framesRejected}`,
    metrics === undefined ? "–" : String(metrics.faults),
    `${(robot.ageMs / 1000).toFixed(1)} s`,
  ];
}

function pair(p50Ms: number, p99Ms: number): string {
  return `${fixed(p50Ms)}/${fixed(p99Ms)} ms`;
}

function fixed(ms: number): string {
  return Number.isNaN(ms) ? "–" : ms.toFixed(2);
}

/** JSON has no NaN. */
export function measured(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}
