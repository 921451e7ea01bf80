import type { Listeners } from "../../sdk/src/internal/listeners.ts";
import type { JointKind } from "../../sdk/src/types.ts";
import type { ControllerLinkEvents } from "./controller-link-options.ts";
import type { Controller } from "./handshake.ts";
import type { ClockSync } from "./protocol/clock-sync.ts";
import { ControllerFault, EventCode, faultName } from "./protocol/constants.ts";
import type { EventMessage } from "./protocol/controller-messages.ts";
import { fromCounts, stateCountsPerUnit } from "./protocol/units.ts";

export type ControllerEventKind =
  | "reset"
  | "fault"
  | "fault_cleared"
  | "ran_out"
  | "limit"
  /** Of a newer protocol than this host's. */
  | "unknown";

/** Something that happened on the controller, told until this host knew it. PROTOCOL.md §3, EVENT. */
export interface ControllerEvent {
  readonly kind: ControllerEventKind;
  /** One sentence for a person. */
  readonly detail: string;
  /** Name of the joint it concerns. */
  readonly joint?: string;
  /** Host clock, ms; before the connection when an earlier host did not see it. */
  readonly atMs: number;
  /** Events since the controller's reset that it could not keep. */
  readonly lost: number;
  readonly message: Readonly<EventMessage>;
}

const kinds: ReadonlyMap<number, ControllerEventKind> = new Map([
  [EventCode.Reset, "reset"],
  [EventCode.Fault, "fault"],
  [EventCode.FaultCleared, "fault_cleared"],
  [EventCode.RanOut, "ran_out"],
  [EventCode.Limit, "limit"],
]);
const resetCauses = ["for an unknown reason", "by power-on", "by its watchdog", "by software"];

/** Wire units to SI, joint numbers to names. */
export function controllerEvent(
  message: Readonly<EventMessage>,
  controller: Controller,
  clockSync: ClockSync,
): ControllerEvent {
  const joint = controller.joints[message.joint];
  return {
    kind: kinds.get(message.code) ?? "unknown",
    detail: detailOf(message, joint),
    ...(joint === undefined ? {} : { joint: joint.name }),
    atMs: clockSync.hostMsAt(clockSync.unwrap(message.tick)),
    lost: message.lost,
    message,
  };
}

interface NamedJoint {
  readonly name: string;
  readonly kind: JointKind;
}

function detailOf(message: Readonly<EventMessage>, joint: NamedJoint | undefined): string {
  const { code, detail, value } = message;
  switch (code) {
    case EventCode.Reset:
      return `the controller was reset ${resetCauses[value] ?? `for reason ${value}`}`;
    case EventCode.Fault:
      return faultDetail(detail, value, joint);
    case EventCode.FaultCleared:
      return `cleared: ${faultName(detail)}`;
    case EventCode.RanOut:
      return `no waypoint followed those of trajectory ${value} in time; the arm braked and holds`;
    case EventCode.Limit: {
      const asked = detail === 1 ? velocity(value, joint) : position(value, joint);
      return `a trajectory was refused: ${joint?.name ?? "a joint"} was asked for ${asked}`;
    }
    default:
      return `event ${code}, detail ${detail}, value ${value}`;
  }
}

function faultDetail(fault: number, value: number, joint: NamedJoint | undefined): string {
  const observed = observedOf(fault, value, joint);
  const name = faultName(fault);
  if (joint === undefined) return observed === "" ? name : `${name}: ${observed}`;
  return `${name}: ${joint.name}${observed === "" ? "" : `, ${observed}`}`;
}

function observedOf(fault: number, value: number, joint: NamedJoint | undefined): string {
  switch (fault) {
    case ControllerFault.Lease:
      return `${value} ms`;
    case ControllerFault.Position:
      return `at ${position(value, joint)}`;
    case ControllerFault.FollowingError:
      return `${position(value, joint)} behind`;
    case ControllerFault.Effort:
      return `${value / stateCountsPerUnit} ${joint?.kind === "prismatic" ? "N" : "N·m"}`;
    case ControllerFault.Temperature:
      return `${value} °C`;
    case ControllerFault.Voltage:
      return `${value / 1000} V`;
    case ControllerFault.Bus:
      return `for ${value} ticks`;
    default:
      return "";
  }
}

function position(counts: number, joint: NamedJoint | undefined): string {
  return `${fromCounts(counts)} ${lengthUnit(joint)}`;
}

function velocity(countsPerSecond: number, joint: NamedJoint | undefined): string {
  return `${fromCounts(countsPerSecond)} ${lengthUnit(joint)}/s`;
}

function lengthUnit(joint: NamedJoint | undefined): string {
  return joint?.kind === "prismatic" ? "m" : "rad";
}

/** The events of one session: held back until the joints they speak of are known, and the reason for the latest fault. */
export class EventLog {
  readonly #listeners: Listeners<ControllerLinkEvents>;
  #early: EventMessage[] = [];
  #source: { controller: Controller; clockSync: ClockSync } | undefined;
  #fault: ControllerEvent | undefined;

  constructor(listeners: Listeners<ControllerLinkEvents>) {
    this.#listeners = listeners;
  }

  take(message: Readonly<EventMessage>): void {
    if (this.#source === undefined) this.#early.push({ ...message });
    else this.#tell(message, this.#source.controller, this.#source.clockSync);
  }

  /** From here on events are told. */
  begin(controller: Controller, clockSync: ClockSync): void {
    this.#source = { controller, clockSync };
    for (const message of this.#early.splice(0)) this.#tell(message, controller, clockSync);
  }

  /** For a person: why this fault is latched, as far as its event has come. */
  faultDetail(fault: number): string {
    return this.#fault?.message.detail === fault ? this.#fault.detail : faultName(fault);
  }

  #tell(message: Readonly<EventMessage>, controller: Controller, clockSync: ClockSync): void {
    const event = controllerEvent(message, controller, clockSync);
    if (event.kind === "fault") this.#fault = event;
    if (event.kind === "fault_cleared") this.#fault = undefined;
    this.#listeners.emit("controllerEvent", (listener) => {
      listener(event);
    });
  }
}
