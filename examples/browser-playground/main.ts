import { loadPolicy } from "omp-edge/web";

import { drawJoints, drawSide, drawTop, type Scene } from "./views.ts";

const form = document.createElement("form");
const status = document.createElement("p");
const views = document.createElement("div");
const pens = { top: addPen(360, 360), side: addPen(360, 360), joints: addPen(726, 220) };
document.body.append(status, form, views);

status.textContent = "loading the bundle…";
const policy = await loadPolicy("so101-push").catch((error: unknown) => {
  status.textContent = String(error);
  throw error;
});
const { manifest, info } = policy;
const jointNames = manifest.action.joints.map(({ name }) => name);
const home = [0, -0.3, 0.4, 1.47, 0, 0]; // rad
const table = [0.17, 0.03, 0.19, -0.06]; // puck x, y and goal x, y, m

const sliders = new Map(
  manifest.observations.map(({ key, names }) => {
    const { min, max } = manifest.normalization.stats.get(key) ?? { min: [], max: [] };
    const start = key === "observation.state" ? home : table;
    return [key, names.map((name, i) => addSlider(name, min[i] ?? -1, max[i] ?? 1, start[i] ?? 0))];
  }),
);
const noise = addSlider("noise seed", 0, 20, 0, 1);

const chunk = policy.createChunk();
const progress = { isBusy: false, isStale: false };

/** One evaluation at a time; what the sliders show when it ends is evaluated next. */
async function refresh(): Promise<void> {
  progress.isStale = true;
  if (progress.isBusy) return;
  progress.isBusy = true;
  while (progress.isStale) {
    progress.isStale = false;
    const observation = Object.fromEntries([...sliders].map(([key, row]) => [key, row.map(value)]));
    policy.reseed(value(noise));
    await policy.act(observation, chunk);
    draw(
      observation["observation.state"] ?? [],
      observation["observation.environment_state"] ?? [],
    );
  }
  progress.isBusy = false;
}

function draw(joints: readonly number[], environment: readonly number[]): void {
  const [puckX = 0, puckY = 0, goalX = 0, goalY = 0] = environment;
  const scene: Scene = { joints, puck: [puckX, puckY], goal: [goalX, goalY], chunk };
  drawTop(pens.top, scene);
  drawSide(pens.side, scene);
  drawJoints(pens.joints, scene, jointNames);
  status.textContent =
    `${manifest.bundleId} ${manifest.bundleVersion}: ${chunk.horizon} actions in one evaluation of ` +
    `${chunk.inferenceMs.toFixed(2)} ms, ${info.runtime} on ${info.activeProvider}`;
}

function addSlider(
  name: string,
  min: number,
  max: number,
  start: number,
  step: number = (max - min) / 200,
): HTMLInputElement {
  const label = document.createElement("label");
  const input = document.createElement("input");
  const output = document.createElement("output");
  Object.assign(input, { type: "range", name, min, max, step, value: start });
  const show = (): void => {
    output.value = step === 1 ? input.value : value(input).toFixed(3);
  };
  input.addEventListener("input", () => {
    show();
    void refresh();
  });
  show();
  label.append(name, input, output);
  form.append(label);
  return input;
}

function value(input: HTMLInputElement): number {
  return input.valueAsNumber;
}

function addPen(width: number, height: number): CanvasRenderingContext2D {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  views.append(canvas);
  const pen = canvas.getContext("2d");
  if (pen !== null) return pen;
  throw new TypeError("this browser draws no canvas");
}

await refresh();
