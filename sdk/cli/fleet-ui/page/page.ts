import { ErrorCode, OmpError } from "../../../src/errors.ts";
import type { UiRobot, UiUpdate } from "../ui-messages.ts";
import { stopButton } from "./commands.ts";
import { History } from "./history.ts";
import { healthOf, RobotList } from "./robot-list.ts";
import { RobotView } from "./robot-view.ts";
import { RolloutView } from "./rollout-view.ts";

const robots = new Map<string, UiRobot>();
const histories = new Map<string, History>();
const changed = new Map<string, UiRobot>();
const list = new RobotList(byId("robots"), choose);
const rollout = new RolloutView(byId("rollout"));
let view: RobotView | undefined;
let help: Readonly<Record<string, readonly string[]>> = {};
let isBrokerConnected = false;
let isFeedOpen = false;
let isDrawing = false;

function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) {
    throw new OmpError(ErrorCode.Internal, { what: `the page has no element ${id}` });
  }
  return found;
}

function show(text: string, isGood: boolean): void {
  const answer = byId("answer");
  answer.hidden = false;
  answer.textContent = text;
  answer.classList.toggle("bad", !isGood);
}

function choose(id: string): void {
  view?.close();
  view = view?.id === id ? undefined : new RobotView(byId("robot"), id, show);
  list.choose(view === undefined ? "" : id);
  location.hash = view === undefined ? "" : encodeURIComponent(id);
  if (view !== undefined) byId("robot").scrollIntoView({ block: "nearest" });
  redraw();
}

/** At most once a frame, and not at all while nobody looks. */
function redraw(): void {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    list.update(changed.values());
    if (changed.size > 0) rollout.update(robots.values());
    changed.clear();
    drawSummary();
    const robot = view === undefined ? undefined : robots.get(view.id);
    if (view !== undefined && robot !== undefined) {
      view.update(robot, histories.get(robot.id) ?? new History(), help);
    }
  });
}

function drawSummary(): void {
  const counts = { good: 0, warn: 0, bad: 0 };
  for (const robot of robots.values()) counts[healthOf(robot)] += 1;
  const lines = isFeedOpen
    ? isBrokerConnected
      ? ""
      : " · the broker is gone; trying again"
    : " · this page has lost its server; trying again";
  byId("summary").textContent =
    `${robots.size} robots · ${counts.bad} in trouble · ${counts.warn} silent · ${counts.good} well${lines}`;
}

function receive({ kind, at, robots: news, ...update }: UiUpdate): void {
  isBrokerConnected = update.isBrokerConnected;
  if (kind === "snapshot") robots.clear();
  for (const robot of news) {
    robots.set(robot.id, robot);
    changed.set(robot.id, robot);
    const history = histories.get(robot.id) ?? new History();
    histories.set(robot.id, history);
    history.add(robot, at);
  }
  if (view === undefined && location.hash.length > 1) {
    const id = decodeURIComponent(location.hash.slice(1));
    if (robots.has(id)) choose(id);
  }
  redraw();
}

const stopAll = byId("stop-all");
if (stopAll instanceof HTMLButtonElement) stopButton(stopAll, () => [...robots.keys()], show);
const filter = byId("filter");
filter.addEventListener("input", () => {
  if (filter instanceof HTMLInputElement) list.filter(filter.value);
});

const feed = new EventSource("/feed");
feed.addEventListener("open", () => {
  isFeedOpen = true;
});
feed.addEventListener("error", () => {
  isFeedOpen = false;
  redraw();
});
feed.addEventListener("message", ({ data }: MessageEvent<string>) => {
  const update: UiUpdate = JSON.parse(data);
  receive(update);
});
help = await (await fetch("/faults")).json();
redraw();
