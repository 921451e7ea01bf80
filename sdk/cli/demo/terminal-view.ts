import type { DemoProgress } from "./demo-progress.ts";
import { ms } from "./demo-progress.ts";

/** The table seen from above: the arm's base is below the lower edge, its left is on the left. Metres. */
const TABLE = { minX: 0.11, maxX: 0.24, minY: -0.13, maxY: 0.13, rows: 9, columns: 37 };
const BAR_COLUMNS = 32;

/** Redraws the demo's state in place on a terminal. Where there is none, only `log` prints. */
export class TerminalView {
  readonly #out: NodeJS.WriteStream;
  readonly #title: readonly string[];
  #drawnLines = 0;

  constructor(out: NodeJS.WriteStream, title: readonly string[]) {
    this.#out = out;
    this.#title = title;
    for (const line of title) out.write(`${line}\n`);
    out.write("\n");
  }

  get isLive(): boolean {
    return this.#out.isTTY && this.#title.length > 0;
  }

  draw(progress: DemoProgress): void {
    if (!this.#out.isTTY) return;
    const columns = this.#out.columns ?? 80;
    const lines = frameLines(progress).map((line) => line.slice(0, columns - 1));
    this.#erase();
    this.#out.write(`${lines.join("\n")}\n`);
    this.#drawnLines = lines.length;
  }

  /** Prints a line that stays, above the picture. */
  log(line: string): void {
    this.#erase();
    this.#out.write(`${line}\n`);
  }

  /** Takes the picture away; what was logged stays. */
  close(): void {
    this.#erase();
  }

  #erase(): void {
    if (this.#drawnLines > 0) this.#out.write(`\u001b[${this.#drawnLines}F\u001b[0J`);
    this.#drawnLines = 0;
  }
}

/** The picture, one string a line. */
export function frameLines(progress: DemoProgress): string[] {
  const seconds = (progress.episodeMs / 1000).toFixed(1).padStart(4);
  const limit = (progress.maxEpisodeMs / 1000).toFixed(0);
  const { link } = progress;
  return [
    `episode ${progress.episode}/${progress.episodes}  ${seconds} s of ${limit}  ${progress.phase.padEnd(8)}  succeeded ${progress.succeeded} of ${progress.finished}`,
    "",
    ...tableLines(progress).map((line) => `  ${line}`),
    "",
    ...progress.joints.map((joint, index) => {
      const position = progress.position[index] ?? 0;
      const bar = barLine(position, joint.minPosition, joint.maxPosition);
      return `  ${joint.name.padEnd(14)} ${bar} ${position.toFixed(3).padStart(7)} rad`;
    }),
    "",
    `  inference p50 ${ms(progress.inferenceP50Ms)} p99 ${ms(progress.inferenceP99Ms)} · lateness p50 ${ms(progress.tickLatenessP50Ms)} p99 ${ms(progress.tickLatenessP99Ms)}`,
    `  frames ${link.framesSent} sent ${link.framesAcked} acked ${link.framesRejected} rejected · faults ${progress.faults.length} · Ctrl-C stops the arm`,
  ];
}

function tableLines(progress: DemoProgress): string[] {
  const cells = Array.from({ length: TABLE.rows }, () =>
    Array.from({ length: TABLE.columns }, () => "·"),
  );
  const put = (xy: Float64Array, mark: string): void => {
    const down = (TABLE.maxX - (xy[0] ?? 0)) / (TABLE.maxX - TABLE.minX);
    const right = (TABLE.maxY - (xy[1] ?? 0)) / (TABLE.maxY - TABLE.minY);
    const row = cells[Math.round(down * (TABLE.rows - 1))];
    const column = Math.round(right * (TABLE.columns - 1));
    if (row?.[column] !== undefined) row[column] = mark;
  };
  put(progress.goalXy, "◎");
  put(progress.objectXy, "●");
  const legend = ["● puck", "◎ goal"];
  return cells.map((row, index) => `${row.join("")}  ${legend[index] ?? ""}`);
}

function barLine(value: number, min: number, max: number): string {
  const filled = Math.round(((value - min) / (max - min)) * (BAR_COLUMNS - 1));
  const index = Math.min(BAR_COLUMNS - 1, Math.max(0, filled));
  return `│${"─".repeat(index)}█${"─".repeat(BAR_COLUMNS - 1 - index)}│`;
}
