import type { LinkEvents } from "../../sdk/src/actuator-link.ts";
import type { Clock } from "../../sdk/src/clock.ts";
import type { ControllerEvent } from "./controller-event.ts";
import type { OpenTransport } from "./transport/transport.ts";

export interface ControllerLinkOptions {
  /** For people; `LinkDescription.name`. */
  readonly name: string;
  readonly clock: Clock;
  readonly openTransport: OpenTransport;
  /** Time between joint states, ms, default 5. */
  readonly jointStatePeriodMs?: number;
  /** How long the controller may take for an answer, ms, default 250. */
  readonly ackTimeoutMs?: number;
  /** How long `connect` waits for the first answer, ms, default 3000. */
  readonly handshakeTimeoutMs?: number;
  /** A controller that sends nothing for this long counts as gone, ms, default 2000. */
  readonly silenceTimeoutMs?: number;
}

export interface ControllerLinkEvents extends LinkEvents {
  /** Once for everything that the controller reports until it is acknowledged; a latched fault's comes before its `stateChanged`. */
  controllerEvent(event: ControllerEvent): void;
}
