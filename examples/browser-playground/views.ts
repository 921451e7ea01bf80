import type { ActionChunk } from "omp-edge";

import { armPoints, type Point } from "./arm.ts";

/** What is drawn: where the arm is, where puck and goal are, and what the policy would do next. */
export interface Scene {
  /** Joint positions, rad. */
  readonly joints: ArrayLike<number>;
  /** Centres on the table, m. */
  readonly puck: readonly [number, number];
  readonly goal: readonly [number, number];
  readonly chunk: ActionChunk;
}

const puckRadius = 0.02;
const goalRadius = 0.024;
const font = "12px system-ui, sans-serif";
const colors = ["#0b5fa5", "#c4511d", "#2d7f3f", "#8a3fa0", "#8c6d1f", "#3b3f46"];

type Pen = CanvasRenderingContext2D;
type Line = readonly (readonly [number, number])[];

/** From above, with the path of the tool; 1 m is 900 pixels, x points up. */
export function drawTop(pen: Pen, { joints, puck, goal, chunk }: Scene): void {
  const { width, height } = pen.canvas;
  const place = ([x, y]: readonly [number, number, number?]): [number, number] => [
    width / 2 - 900 * y,
    height - 50 - 900 * x,
  ];
  pen.clearRect(0, 0, width, height);
  disc(pen, place(goal), 900 * goalRadius, "#b7dcbf");
  disc(pen, place(puck), 900 * puckRadius, "#d9654f");
  const poses = chunkPoses(chunk);
  stroke(pen, armPoints(joints).map(place), "#23262b", 4);
  const tools = poses.map((points) => place(points.at(-1) ?? [0, 0, 0]));
  stroke(pen, tools, "#0b5fa5", 2);
  for (const tool of tools) disc(pen, tool, 2.5, "#0b5fa5");
  caption(pen, "from above: puck, goal, path of the tool");
}

/** From the side, in the arm's own plane: distance from the base and height; 1 m is 900 pixels. */
export function drawSide(pen: Pen, { joints, chunk }: Scene): void {
  const { width, height } = pen.canvas;
  const place = ([x, y, z]: Point): [number, number] => [
    60 + 900 * Math.hypot(x, y),
    height - 60 - 900 * z,
  ];
  pen.clearRect(0, 0, width, height);
  stroke(
    pen,
    [
      [0, height - 60],
      [width, height - 60],
    ],
    "#b9b9b2",
    1,
  );
  for (const points of chunkPoses(chunk)) stroke(pen, points.map(place), "#0b5fa533", 3);
  stroke(pen, armPoints(joints).map(place), "#23262b", 4);
  caption(pen, "from the side: now, and every row of the chunk");
}

/** Joint positions over the rows of the chunk. */
export function drawJoints(pen: Pen, { chunk }: Scene, names: readonly string[]): void {
  const { width, height } = pen.canvas;
  pen.font = font;
  const { rows, horizon, actionDim, dtMs } = chunk;
  const [low, high] = [Math.min(...rows), Math.max(...rows)];
  const span = Math.max(high - low, 0.1);
  pen.clearRect(0, 0, width, height);
  names.forEach((name, joint) => {
    const color = colors[joint % colors.length] ?? "#000";
    const line = Array.from({ length: horizon }, (_, row): [number, number] => {
      const value = rows[row * actionDim + joint] ?? 0;
      return [
        10 + (row / Math.max(horizon - 1, 1)) * (width - 140),
        height - 20 - ((value - low) / span) * (height - 50),
      ];
    });
    stroke(pen, line, color, 2);
    pen.fillStyle = color;
    pen.fillText(name, width - 115, 20 + 16 * joint);
  });
  caption(
    pen,
    `joint positions, ${low.toFixed(2)} to ${high.toFixed(2)} rad, ${horizon} rows of ${dtMs} ms`,
  );
}

function chunkPoses({ rows, horizon, actionDim }: ActionChunk): readonly (readonly Point[])[] {
  return Array.from({ length: horizon }, (_, row) =>
    armPoints(rows.subarray(row * actionDim, (row + 1) * actionDim)),
  );
}

function stroke(pen: Pen, points: Line, color: string, width: number): void {
  pen.beginPath();
  for (const [x, y] of points) pen.lineTo(x, y);
  pen.strokeStyle = color;
  pen.lineWidth = width;
  pen.lineJoin = "round";
  pen.stroke();
}

function disc(pen: Pen, [x, y]: readonly [number, number], radius: number, color: string): void {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fillStyle = color;
  pen.fill();
}

function caption(pen: Pen, text: string): void {
  pen.fillStyle = "#6b6f76";
  pen.font = font;
  pen.fillText(text, 10, 16);
}
