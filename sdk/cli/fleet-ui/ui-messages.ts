/** What the server tells the page, over server-sent events, and what the page asks for. Times are UTC ms of the server's clock. */

export interface UiJoint {
  readonly name: string;
  /** rad or m */
  readonly position: number | null;
  readonly min: number;
  readonly max: number;
}

export interface UiEvent {
  readonly at: number;
  readonly name: string;
  readonly text: string;
}

/** A robot as the page shows it. */
export interface UiRobot {
  readonly id: string;
  readonly status: "online" | "stale" | "offline";
  readonly loop: string;
  readonly software: string;
  readonly bundle: string;
  /** SHA-256, hexadecimal; empty when the robot does not know it. */
  readonly bundleHash: string;
  readonly provider: string;
  readonly firmware: string;
  readonly link: string;
  readonly fault: { readonly reason: string; readonly detail: string } | null;
  readonly successes: number | null;
  readonly episodes: number | null;
  readonly inferenceP50Ms: number | null;
  readonly inferenceP99Ms: number | null;
  readonly latenessP99Ms: number | null;
  /** Of the hottest zone of its board, °C. */
  readonly temperatureC: number | null;
  readonly throttledBy: string;
  /** What became of the newest command to it, from whomever. */
  readonly result: {
    readonly command: string;
    readonly outcome: string;
    readonly detail: string;
  } | null;
  readonly joints: readonly UiJoint[];
  /** The arm as lines from part to part, m: x, y, z, x, y, z each. Empty where its model is not known. */
  readonly shape: readonly (readonly number[])[];
  readonly events: readonly UiEvent[];
}

/** `snapshot`: all robots. `change`: those that changed since the last message. */
export interface UiUpdate {
  readonly kind: "snapshot" | "change";
  readonly at: number;
  readonly isBrokerConnected: boolean;
  readonly robots: readonly UiRobot[];
}

/** What an operator may ask of robots from the page. */
export const uiCommands = ["stop", "hold", "rearm"] as const;
export type UiCommand = (typeof uiCommands)[number];

export interface UiCommandResult {
  readonly robot: string;
  readonly outcome: string;
  readonly detail: string;
}
