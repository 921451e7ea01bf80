import type { UiRobot } from "../ui-messages.ts";

/** Ten minutes of metrics, one a second. */
const MAX_POINTS = 600;

/** Newest metrics of one robot, as columns for a plot: UTC s, then ms. */
export class History {
  readonly times: number[] = [];
  readonly columns: (number | null)[][] = [[], [], []];

  add(robot: UiRobot, atMs: number): void {
    const last = this.times.at(-1);
    if (last !== undefined && atMs / 1000 - last < 0.9) return;
    this.times.push(atMs / 1000);
    const values = [robot.inferenceP50Ms, robot.inferenceP99Ms, robot.latenessP99Ms];
    for (const [i, value] of values.entries()) this.columns[i]?.push(value);
    if (this.times.length <= MAX_POINTS) return;
    this.times.shift();
    for (const column of this.columns) column.shift();
  }
}
