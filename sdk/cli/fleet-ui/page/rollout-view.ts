import type { UiRobot } from "../ui-messages.ts";

/** Which bundles the fleet runs, and how far robots are with a new one. Hidden while all run the same and none loads. */
export class RolloutView {
  readonly #section: HTMLElement;
  #text = "";

  constructor(section: HTMLElement) {
    this.#section = section;
  }

  update(robots: Iterable<UiRobot>): void {
    const counts = new Map<string, number>();
    const tasks = { running: 0, failed: 0, refused: 0 };
    let total = 0;
    for (const { bundle, bundleHash, status, result } of robots) {
      if (status === "offline" || bundle === "") continue;
      total += 1;
      const name = bundleHash === "" ? bundle : `${bundle} ${bundleHash.slice(0, 8)}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
      if (result?.command !== "load_bundle" || result.outcome === "done") continue;
      if (result.outcome === "running") tasks.running += 1;
      else if (result.outcome === "failed") tasks.failed += 1;
      else tasks.refused += 1;
    }
    const loading = Object.entries(tasks).filter(([, count]) => count > 0);
    const names = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
    const text = JSON.stringify([names, loading]);
    if (text === this.#text) return;
    this.#text = text;
    this.#section.hidden = counts.size < 2 && loading.length === 0;
    this.#section.replaceChildren(
      ...names.map(([name, count]) => {
        const row = document.createElement("div");
        const label = document.createElement("span");
        label.textContent = `${name}: ${count} of ${total}`;
        const bar = document.createElement("progress");
        bar.max = total;
        bar.value = count;
        row.append(label, bar);
        return row;
      }),
    );
    if (loading.length === 0) return;
    const line = document.createElement("p");
    line.textContent = `loading a bundle: ${loading.map(([what, count]) => `${count} ${what}`).join(", ")}`;
    this.#section.append(line);
  }
}
