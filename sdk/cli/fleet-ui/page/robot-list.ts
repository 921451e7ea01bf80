import type { UiRobot } from "../ui-messages.ts";

/** good: online and at work. warn: silent for a while. bad: a fault, or gone without a goodbye. */
export function healthOf({ status, fault }: UiRobot): "good" | "warn" | "bad" {
  if (fault !== null) return "bad";
  return status === "online" ? "good" : status === "stale" ? "warn" : "bad";
}

const order = { bad: 0, warn: 1, good: 2 } as const;

interface Card {
  readonly item: HTMLLIElement;
  readonly button: HTMLButtonElement;
  readonly name: HTMLElement;
  readonly state: HTMLElement;
  readonly numbers: HTMLElement;
  text: string;
  rank: string;
}

/** All robots at a glance, those in trouble first. Only cards that changed are touched. */
export class RobotList {
  readonly #list: HTMLElement;
  readonly #onChoose: (id: string) => void;
  readonly #cards = new Map<string, Card>();
  #filter = "";
  #chosen = "";

  constructor(list: HTMLElement, onChoose: (id: string) => void) {
    this.#list = list;
    this.#onChoose = onChoose;
  }

  /** Shows only robots whose name, state or fault contains the text. */
  filter(text: string): void {
    this.#filter = text.trim().toLowerCase();
    for (const card of this.#cards.values()) this.#hide(card);
  }

  choose(id: string): void {
    this.#cards.get(this.#chosen)?.button.removeAttribute("aria-current");
    this.#chosen = id;
    this.#cards.get(id)?.button.setAttribute("aria-current", "true");
  }

  update(robots: Iterable<UiRobot>): void {
    let isMoved = false;
    for (const robot of robots) {
      const known = this.#cards.get(robot.id);
      const card = known ?? this.#create(robot.id);
      const health = healthOf(robot);
      const rank = `${order[health]} ${robot.id}`;
      if (card.rank !== rank) isMoved = true;
      card.rank = rank;
      card.button.dataset["health"] = health;
      card.state.textContent = robot.fault?.reason ?? `${robot.status} · ${robot.loop}`;
      card.state.classList.toggle("bad", robot.fault !== null);
      const success = robot.episodes === null ? "–" : `${robot.successes} of ${robot.episodes}`;
      card.numbers.textContent = `${success} · p50 ${ms(robot.inferenceP50Ms)} · late p99 ${ms(robot.latenessP99Ms)}`;
      card.text =
        `${robot.id} ${robot.status} ${robot.loop} ${robot.fault?.reason ?? ""}`.toLowerCase();
      this.#hide(card);
    }
    if (isMoved) this.#sort();
  }

  #create(id: string): Card {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.dataset["robot"] = id;
    button.addEventListener("click", () => {
      this.#onChoose(id);
    });
    const name = document.createElement("strong");
    name.textContent = id;
    const state = document.createElement("small");
    const numbers = document.createElement("small");
    button.append(name, state, numbers);
    item.append(button);
    const card = { item, button, name, state, numbers, text: "", rank: "" };
    this.#cards.set(id, card);
    return card;
  }

  #hide({ item, text }: Card): void {
    item.hidden = this.#filter !== "" && !text.includes(this.#filter);
  }

  #sort(): void {
    const cards = [...this.#cards.values()].sort((a, b) => (a.rank < b.rank ? -1 : 1));
    this.#list.append(...cards.map(({ item }) => item));
  }
}

/** "1.2 ms" */
export function ms(value: number | null): string {
  return value === null ? "–" : `${value.toFixed(value < 10 ? 2 : 1)} ms`;
}
