import { ControllerLink, type ControllerLinkOptions } from "../controller-link.ts";
import { openMqttTransport, type BrokerOptions } from "./mqtt-transport.ts";

export interface MqttLinkOptions extends Omit<ControllerLinkOptions, "name" | "openTransport"> {
  readonly broker: BrokerOptions;
  readonly robotId: string;
  /** Messages that took this much longer than the fastest one are dropped, ms, default 100. */
  readonly maxAgeMs?: number;
}

/** 100 joint states a second are what a broker on the same network carries without queueing. */
const defaultJointStatePeriodMs = 10;

/**
 * A {@link ControllerLink} through a broker to an {@link MqttGateway} beside the controller. Fit for chunks sent well ahead of time;
 * the controller's lease and `late` verdicts guard against the network.
 */
export class MqttLink extends ControllerLink {
  constructor(options: MqttLinkOptions) {
    const { broker, robotId, maxAgeMs, ...linkOptions } = options;
    super({
      jointStatePeriodMs: defaultJointStatePeriodMs,
      ...linkOptions,
      name: `mqtt ${robotId}`,
      openTransport: () =>
        openMqttTransport({
          clock: options.clock,
          broker,
          robotId,
          end: "host",
          ...(maxAgeMs === undefined ? {} : { maxAgeMs }),
        }),
    });
  }
}
