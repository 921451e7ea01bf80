/**
 * One line of the event stream that every command of the Python package writes. The table in
 * `models/python/omp_models/events.py` says when; a command ends with exactly one `result`, `error` or `interrupted`.
 */
export type ToolEvent =
  | { readonly event: "started"; readonly command: string }
  | {
      readonly event: "progress";
      /** What is counted. */
      readonly stage: string;
      readonly done: number;
      readonly total: number;
      /** Seconds left at the present pace. */
      readonly etaS: number;
    }
  | {
      readonly event: "metric";
      readonly name: string;
      readonly step: number;
      readonly value: number;
    }
  | {
      readonly event: "episode";
      /** Who drove. */
      readonly policy: string;
      readonly seed: number;
      readonly success: boolean;
      readonly steps: number;
    }
  | { readonly event: "log"; readonly message: string }
  | {
      readonly event: "interrupted";
      readonly message: string;
      /** File that resumes the work; undefined where nothing is to resume. */
      readonly checkpoint: string | undefined;
    }
  | { readonly event: "error"; readonly code: string; readonly message: string }
  | { readonly event: "result"; readonly command: string; readonly values: ToolResult };

/** What a finished command reports, by the names of the table. */
export type ToolResult = Readonly<Record<string, unknown>>;

/** The event of one line of stdout; undefined for a line that is none, such as a library's print. */
export function parseEvent(line: string): ToolEvent | undefined {
  const fields = parseObject(line);
  if (fields === undefined) return undefined;
  const text = (key: string): string | undefined => {
    const value = fields[key];
    return typeof value === "string" ? value : undefined;
  };
  const number = (key: string): number | undefined => {
    const value = fields[key];
    return typeof value === "number" ? value : undefined;
  };
  switch (fields["event"]) {
    case "started":
      return complete({ event: "started", command: text("command") });
    case "progress":
      return complete({
        event: "progress",
        stage: text("stage"),
        done: number("done"),
        total: number("total"),
        etaS: number("eta_s"),
      });
    case "metric":
      return complete({
        event: "metric",
        name: text("name"),
        step: number("step"),
        value: number("value"),
      });
    case "episode":
      return complete({
        event: "episode",
        policy: text("policy"),
        seed: number("seed"),
        success: typeof fields["success"] === "boolean" ? fields["success"] : undefined,
        steps: number("steps"),
      });
    case "log":
      return complete({ event: "log", message: text("message") });
    case "interrupted": {
      const interrupted = complete({ event: "interrupted", message: text("message") });
      return interrupted && { ...interrupted, checkpoint: text("checkpoint") };
    }
    case "error":
      return complete({ event: "error", code: text("code"), message: text("message") });
    case "result":
      return complete({ event: "result", command: text("command"), values: fields });
    default:
      return undefined;
  }
}

type Complete<Fields> = { [Key in keyof Fields]: Exclude<Fields[Key], undefined> };

/** The same object when it has every field. */
function complete<const Fields extends object>(fields: Fields): Complete<Fields> | undefined {
  return isComplete(fields) ? fields : undefined;
}

function isComplete<Fields extends object>(fields: Fields): fields is Fields & Complete<Fields> {
  return Object.values(fields).every((value) => value !== undefined);
}

function parseObject(line: string): ToolResult | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is ToolResult {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
