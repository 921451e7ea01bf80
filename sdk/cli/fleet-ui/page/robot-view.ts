import uPlot from "uplot";

import type { UiJoint, UiRobot } from "../ui-messages.ts";
import { ArmView } from "./arm-view.ts";
import { canCommand, command, stopButton } from "./commands.ts";
import type { History } from "./history.ts";
import { ms } from "./robot-list.ts";

type Show = (text: string, isGood: boolean) => void;

/** One robot live: state, fault with what to do, joints against their limits, latencies over time, events. */
export class RobotView {
  readonly #section: HTMLElement;
  readonly #id: string;
  readonly #title = element("h2");
  readonly #about = element("small");
  readonly #fault = element("div", "fault");
  readonly #joints = element("div");
  readonly #events = element("ul", "events");
  readonly #plot: uPlot;
  readonly #arm: ArmView;
  readonly #rows: { readonly meter: HTMLMeterElement; readonly value: HTMLOutputElement }[] = [];
  readonly #resize: ResizeObserver;
  #jointNames = "";
  #faultText = "";
  #eventText = "";

  constructor(section: HTMLElement, id: string, show: Show) {
    this.#section = section;
    this.#id = id;
    const stop = element("button", "stop");
    stop.type = "button";
    stop.textContent = "STOP";
    stop.dataset["command"] = "stop";
    stopButton(stop, () => [id], show);
    const buttons = (["hold", "rearm"] as const).map((kind) => {
      const button = element("button");
      button.type = "button";
      button.textContent = kind;
      button.dataset["command"] = kind;
      button.disabled = !canCommand;
      button.addEventListener("click", () => {
        const isSure =
          kind !== "rearm" || confirm(`The arm of ${id} may move. Is everybody clear?`);
        if (isSure) void command(kind, [id], show);
      });
      return button;
    });
    const bar = element("div", "bar");
    bar.append(stop, ...buttons);
    const plot = element("div");
    const pose = element("div");
    this.#arm = new ArmView(pose);
    section.replaceChildren(
      this.#title,
      this.#about,
      bar,
      this.#fault,
      pose,
      heading("Joints"),
      this.#joints,
      heading("Latencies"),
      plot,
      heading("Events"),
      this.#events,
    );
    section.hidden = false;
    this.#plot = new uPlot(plotOptions(), [[], [], [], []], plot);
    this.#resize = new ResizeObserver(() => {
      this.#plot.setSize({ width: Math.max(240, plot.clientWidth), height: 220 });
    });
    this.#resize.observe(plot);
  }

  get id(): string {
    return this.#id;
  }

  close(): void {
    this.#resize.disconnect();
    this.#plot.destroy();
    this.#section.replaceChildren();
    this.#section.hidden = true;
  }

  update(
    robot: UiRobot,
    history: History,
    help: Readonly<Record<string, readonly string[]>>,
  ): void {
    this.#title.textContent = `${robot.id} — ${robot.status}, ${robot.loop}`;
    this.#about.textContent = aboutText(robot);
    this.#updateFault(robot, help);
    this.#updateJoints(robot.joints);
    this.#arm.update(robot.shape);
    const [a = [], b = [], c = []] = history.columns;
    this.#plot.setData([history.times, a, b, c]);
    const events = robot.events.toReversed();
    const text = JSON.stringify(events);
    if (text === this.#eventText) return;
    this.#eventText = text;
    this.#events.replaceChildren(
      ...events.map(({ at, name, text: detail }) => {
        const item = element("li");
        item.textContent = `${new Date(at).toLocaleTimeString()}  ${name}  ${detail}`;
        return item;
      }),
    );
  }

  #updateFault({ fault }: UiRobot, help: Readonly<Record<string, readonly string[]>>): void {
    const text = JSON.stringify(fault);
    if (text === this.#faultText) return;
    this.#faultText = text;
    this.#fault.hidden = fault === null;
    if (fault === null) return;
    const title = element("strong", "bad");
    title.textContent = fault.reason;
    const paragraphs = [fault.detail, ...(help[fault.reason] ?? [])].map((one) => {
      const paragraph = element("p");
      paragraph.textContent = one;
      return paragraph;
    });
    this.#fault.replaceChildren(title, ...paragraphs);
  }

  #updateJoints(joints: readonly UiJoint[]): void {
    const names = joints.map(({ name }) => name).join(" ");
    if (names !== this.#jointNames) {
      this.#jointNames = names;
      this.#rows.length = 0;
      this.#joints.replaceChildren(...joints.map((joint) => this.#createJoint(joint)));
    }
    for (const [i, { position }] of joints.entries()) {
      const row = this.#rows[i];
      if (row === undefined) continue;
      row.meter.style.visibility = position === null ? "hidden" : "visible";
      if (position !== null) row.meter.value = position;
      row.value.textContent = position === null ? "–" : position.toFixed(3);
    }
  }

  /** A joint's position against its limits; the outer tenths are marked. */
  #createJoint({ name, min, max }: UiJoint): HTMLElement {
    const row = element("div", "joint");
    const label = element("span");
    label.textContent = name;
    const meter = element("meter");
    Object.assign(meter, { min, max, low: min + (max - min) / 10, high: max - (max - min) / 10 });
    meter.optimum = (min + max) / 2;
    meter.title = `${min.toFixed(3)} to ${max.toFixed(3)}`;
    const value = element("output");
    row.append(label, meter, value);
    this.#rows.push({ meter, value });
    return row;
  }
}

function aboutText(robot: UiRobot): string {
  const { bundle, bundleHash, provider, firmware, link, software, episodes, result } = robot;
  const heat = robot.temperatureC === null ? "" : `${robot.temperatureC.toFixed(0)} °C`;
  return [
    bundleHash === "" ? bundle : `${bundle} ${bundleHash.slice(0, 12)}`,
    provider,
    firmware,
    link,
    software,
    episodes === null ? "" : `${robot.successes} of ${episodes} episodes succeeded`,
    `inference p50 ${ms(robot.inferenceP50Ms)}`,
    robot.throttledBy === "" ? heat : `${heat} throttled: ${robot.throttledBy}`,
    result === null ? "" : `last command: ${result.command} ${result.outcome} ${result.detail}`,
  ]
    .filter(Boolean)
    .join(" · ");
}

function plotOptions(): uPlot.Options {
  const ink = getComputedStyle(document.body).color;
  const axis = { stroke: ink, grid: { stroke: "#8884", width: 1 } };
  return {
    width: 480,
    height: 220,
    scales: { y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.1)] } },
    axes: [axis, { ...axis, label: "ms" }],
    series: [
      {},
      { label: "inference p50", stroke: "#3b82f6", width: 2 },
      { label: "inference p99", stroke: "#8b5cf6", width: 1 },
      { label: "tick lateness p99", stroke: "#f59e0b", width: 1 },
    ],
  };
}

function heading(text: string): HTMLElement {
  const title = element("h3");
  title.textContent = text;
  return title;
}

function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  className: string = "",
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  made.className = className;
  return made;
}
