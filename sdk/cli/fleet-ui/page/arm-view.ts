const MAX_ELEVATION = 1.5;
/** Half of the ground's side, m, and its lines. */
const GROUND = 0.3;
const GROUND_LINES = 6;

/** An arm in space, drawn as lines from part to part; dragging turns it. */
export class ArmView {
  readonly #canvas = document.createElement("canvas");
  #azimuth = -0.9;
  #elevation = 0.45;
  #lines: readonly (readonly number[])[] = [];

  constructor(parent: HTMLElement) {
    this.#canvas.className = "arm";
    this.#canvas.setAttribute("role", "img");
    this.#canvas.setAttribute("aria-label", "the arm's pose");
    parent.append(this.#canvas);
    this.#canvas.addEventListener("pointermove", (event) => {
      if (event.buttons === 0) return;
      this.#azimuth += event.movementX * 0.01;
      const elevation = this.#elevation + event.movementY * 0.01;
      this.#elevation = Math.max(0, Math.min(MAX_ELEVATION, elevation));
      this.#draw();
    });
  }

  /** @param lines x, y, z, x, y, z each, m; the base is the origin; empty hides the view */
  update(lines: readonly (readonly number[])[]): void {
    this.#lines = lines;
    this.#canvas.hidden = lines.length === 0;
    if (lines.length > 0) this.#draw();
  }

  #draw(): void {
    const canvas = this.#canvas;
    const scale = devicePixelRatio;
    const width = Math.max(1, Math.round(canvas.clientWidth * scale));
    const height = Math.max(1, Math.round(canvas.clientHeight * scale));
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const context = canvas.getContext("2d");
    if (context === null) return;
    context.clearRect(0, 0, width, height);
    const style = getComputedStyle(canvas);
    const line = (points: readonly number[], colour: string, weight: number): void => {
      const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = points;
      context.strokeStyle = colour;
      context.lineWidth = weight * scale;
      context.beginPath();
      context.moveTo(...this.#project(a, b, c, width, height));
      context.lineTo(...this.#project(d, e, f, width, height));
      context.stroke();
    };
    for (let i = 0; i <= GROUND_LINES; i += 1) {
      const at = -GROUND + (2 * GROUND * i) / GROUND_LINES;
      line([at, -GROUND, 0, at, GROUND, 0], "#8884", 1);
      line([-GROUND, at, 0, GROUND, at, 0], "#8884", 1);
    }
    context.lineCap = "round";
    for (const points of this.#lines) line(points, style.color, 5);
    context.fillStyle = "#3b82f6";
    for (const [, , , x = 0, y = 0, z = 0] of this.#lines) {
      context.beginPath();
      context.arc(...this.#project(x, y, z, width, height), 4 * scale, 0, 2 * Math.PI);
      context.fill();
    }
  }

  /** Without perspective: lengths along one direction stay comparable. */
  #project(x: number, y: number, z: number, width: number, height: number): [number, number] {
    const cos = Math.cos(this.#azimuth);
    const sin = Math.sin(this.#azimuth);
    const right = cos * x - sin * y;
    const away = sin * x + cos * y;
    const up = Math.cos(this.#elevation) * z + Math.sin(this.#elevation) * away;
    const zoom = Math.min(width, height) / (2.6 * GROUND);
    return [width / 2 + right * zoom, height * 0.62 - up * zoom];
  }
}
