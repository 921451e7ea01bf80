import type { ToolEvent } from "./events.ts";

/** Where a display writes: `process.stderr`, or a test's. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const BAR_WIDTH = 24;
const ERASE_LINE = "\r\x1b[2K";

/** Shows the event stream to a person: one bar that moves on a terminal, a line every tenth of a stage elsewhere. */
export class ProgressDisplay {
  readonly #stream: ProgressStream;
  readonly #isTerminal: boolean;
  #stage = "";
  #tenth = -1;
  #bar = "";
  readonly #metrics = new Map<string, number>();

  constructor(stream: ProgressStream) {
    this.#stream = stream;
    this.#isTerminal = stream.isTTY === true;
  }

  /** Shows what happens on the way; how a command ended is its caller's to tell. */
  show(event: ToolEvent): void {
    if (event.event === "log") {
      this.text(event.message);
    } else if (event.event === "episode") {
      const { policy, seed, steps, success } = event;
      if (!success) this.text(`${policy}: seed ${seed} failed after ${steps} steps`);
    } else if (event.event === "metric") {
      this.#metrics.set(event.name.replace(/^.*\//, ""), event.value);
    } else if (event.event === "progress") {
      if (event.stage !== this.#stage) this.#beginStage(event.stage);
      const fraction = event.total > 0 ? Math.min(1, event.done / event.total) : 1;
      const left = event.done < event.total ? ` ${duration(event.etaS)} left` : "";
      const metrics = [...this.#metrics].map(([name, value]) => ` ${name} ${value.toPrecision(3)}`);
      const counts = `${event.done}/${event.total}${left}${metrics.join("")}`;
      if (this.#isTerminal) this.#drawBar(`${event.stage} ${bar(fraction)} ${counts}`);
      else this.#writeTenth(fraction, `${event.stage} ${Math.floor(fraction * 100)} % ${counts}`);
    }
  }

  /** A line of text, above the bar. */
  text(line: string): void {
    this.#stream.write(this.#bar === "" ? `${line}\n` : `${ERASE_LINE}${line}\n${this.#bar}`);
  }

  /** Leaves the last bar standing; what is written next starts on a line of its own. */
  end(): void {
    if (this.#bar !== "") this.#stream.write("\n");
    this.#bar = "";
  }

  #beginStage(stage: string): void {
    this.end();
    this.#stage = stage;
    this.#tenth = -1;
    this.#metrics.clear();
  }

  #drawBar(text: string): void {
    this.#bar = text.slice(0, Math.max(1, (this.#stream.columns ?? 80) - 1));
    this.#stream.write(ERASE_LINE + this.#bar);
  }

  #writeTenth(fraction: number, line: string): void {
    const tenth = Math.floor(fraction * 10);
    if (tenth === this.#tenth) return;
    this.#tenth = tenth;
    this.#stream.write(`${line}\n`);
  }
}

function bar(fraction: number): string {
  const filled = Math.round(fraction * BAR_WIDTH);
  return `${"█".repeat(filled)}${"░".repeat(BAR_WIDTH - filled)}`;
}

/** "8 s", "3 min 20 s", "2 h 05 min". */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
