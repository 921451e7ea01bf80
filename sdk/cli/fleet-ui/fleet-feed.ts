import type { FleetWatch, RobotRecord } from "../../../firmware-bridge/src/fleet/index.ts";
import { measured } from "../watch-table.ts";
import type { ArmModels, ArmShape } from "./arm-shape.ts";
import type { UiEvent, UiRobot, UiUpdate } from "./ui-messages.ts";

/** Pages get at most so many updates a second, however much the robots say. */
const UPDATE_HZ = 5;
/** How often it is looked for robots that fell silent, ms. */
const SWEEP_MS = 500;

/** Tells listeners what changed in a fleet. The work of one update grows with what changed, not with what arrived. */
export class FleetFeed {
  readonly #fleet: FleetWatch;
  readonly #listeners = new Set<(update: UiUpdate) => void>();
  readonly #changed = new Set<string>();
  readonly #arms: ArmModels | undefined;
  /** By robot; made anew for another birth. */
  readonly #shapes = new Map<
    string,
    { readonly birth: object; readonly shape: ArmShape | undefined }
  >();
  readonly #results = new Map<string, NonNullable<UiRobot["result"]>>();
  readonly #statuses = new Map<string, RobotRecord["status"]>();
  readonly #stop: () => void;
  #wasConnected = true;

  constructor(fleet: FleetWatch, arms?: ArmModels) {
    this.#fleet = fleet;
    this.#arms = arms;
    const unsubscribe = fleet.onMessage((message) => {
      if (message.kind === "malformed") return;
      this.#changed.add(message.robotId);
      if (message.kind !== "result") return;
      const { command, outcome, reason, detail } = message.body;
      const text = [reason, detail].filter(Boolean).join(": ");
      this.#results.set(message.robotId, { command, outcome, detail: text });
    });
    const updates = setInterval(() => this.#update(), 1000 / UPDATE_HZ);
    const sweeps = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#stop = () => {
      unsubscribe();
      clearInterval(updates);
      clearInterval(sweeps);
    };
  }

  /** Calls `listener` with everything now, and with changes from then on. Returns a function that unsubscribes. */
  subscribe(listener: (update: UiUpdate) => void): () => void {
    this.#listeners.add(listener);
    listener(this.#message("snapshot", this.#fleet.robots()));
    return () => {
      this.#listeners.delete(listener);
    };
  }

  close(): void {
    this.#stop();
    this.#listeners.clear();
  }

  #update(): void {
    const isConnected = this.#fleet.isConnected;
    if (this.#changed.size === 0 && isConnected === this.#wasConnected) return;
    this.#wasConnected = isConnected;
    const robots = [...this.#changed].flatMap((id) => this.#fleet.robot(id) ?? []);
    this.#changed.clear();
    if (this.#listeners.size === 0) return;
    const message = this.#message("change", robots);
    for (const listener of this.#listeners) listener(message);
  }

  #sweep(): void {
    for (const { robotId, status } of this.#fleet.robots()) {
      if (this.#statuses.get(robotId) === status) continue;
      this.#statuses.set(robotId, status);
      this.#changed.add(robotId);
    }
  }

  #shapeOf({ robotId, birth, state }: RobotRecord): UiRobot["shape"] {
    if (birth === undefined || state === undefined) return [];
    let known = this.#shapes.get(robotId);
    if (known?.birth !== birth) {
      known = { birth, shape: this.#arms?.shape(birth.model, birth.joints) };
      this.#shapes.set(robotId, known);
    }
    const isWhole = state.jointPosition.every(Number.isFinite);
    return isWhole ? (known.shape?.lines(Float64Array.from(state.jointPosition)) ?? []) : [];
  }

  #message(kind: UiUpdate["kind"], robots: readonly RobotRecord[]): UiUpdate {
    return {
      kind,
      at: Date.now(),
      isBrokerConnected: this.#fleet.isConnected,
      robots: robots.map((robot) => ({
        ...uiRobot(robot, this.#results.get(robot.robotId) ?? null),
        shape: this.#shapeOf(robot),
      })),
    };
  }
}

function uiRobot(record: RobotRecord, result: UiRobot["result"]): Omit<UiRobot, "shape"> {
  const { birth, state, metrics } = record;
  const temperatures = Object.values(metrics?.boardTemperatureC ?? {});
  return {
    id: record.robotId,
    status: record.status,
    loop: state?.loopState ?? "unknown",
    software: birth?.software ?? "",
    bundle: birth?.bundleId ?? "",
    bundleHash: birth?.bundleHash ?? "",
    provider: birth?.provider ?? "",
    firmware: birth?.firmware ?? "",
    link: birth?.link ?? "",
    fault: state?.fault ? { reason: state.fault.reason, detail: state.fault.detail } : null,
    successes: metrics?.successes ?? null,
    episodes: metrics?.episodes ?? null,
    inferenceP50Ms: measured(metrics?.inferenceP50Ms),
    inferenceP99Ms: measured(metrics?.inferenceP99Ms),
    latenessP99Ms: measured(metrics?.tickLatenessP99Ms),
    temperatureC: temperatures.length === 0 ? null : Math.max(...temperatures),
    throttledBy: metrics?.throttledBy ?? "",
    result,
    joints: (birth?.joints ?? []).map(({ name, minPosition, maxPosition }, i) => ({
      name,
      position: measured(state?.jointPosition[i]),
      min: minPosition,
      max: maxPosition,
    })),
    events: record.events.map(({ utcMs, name, fields }): UiEvent => ({
      at: utcMs,
      name,
      text: Object.entries(fields)
        .map(([key, value]) => `${key} ${value}`)
        .join(", "),
    })),
  };
}
