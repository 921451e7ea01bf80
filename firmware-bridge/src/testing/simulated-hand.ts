import type { Clock } from "../../../sdk/src/clock.ts";
import type { SimulatedServoBus } from "./simulated-servo-bus.ts";

/** Between which encoder positions a joint can be turned, steps. */
export interface JointStops {
  readonly min: number;
  readonly max: number;
}

const stepMs = 10;
/** One way from stop to stop, ms. */
const sweepMs = 600;

/** Somebody who turns the joints of a simulated arm, as calibrating asks for; joints with torque do not yield. */
export class SimulatedHand {
  readonly #clock: Clock;
  readonly #bus: SimulatedServoBus;
  readonly #stops: readonly JointStops[];
  #cancel: () => void = () => {};

  constructor(clock: Clock, bus: SimulatedServoBus, stops: readonly JointStops[]) {
    this.#clock = clock;
    this.#bus = bus;
    this.#stops = stops;
  }

  /** Turns every joint to the middle between its stops. */
  toMiddle(): void {
    this.#turn(({ min, max }) => (min + max) / 2);
  }

  /** Turns every joint from stop to stop and back, until `letGo`. */
  sweep(): void {
    const startMs = this.#clock.nowMs();
    const step = (): void => {
      const phase = (this.#clock.nowMs() - startMs) / sweepMs;
      this.#turn(({ min, max }) => {
        const share = 0.5 + Math.sin(phase * Math.PI) / 2;
        return min + (max - min) * share;
      });
      this.#cancel = this.#clock.callAt(this.#clock.nowMs() + stepMs, step);
    };
    step();
  }

  letGo(): void {
    this.#cancel();
  }

  #turn(target: (stops: JointStops) => number): void {
    this.#bus.settle();
    for (const [i, servo] of this.#bus.servos.entries()) {
      const stops = this.#stops[i];
      if (stops !== undefined) servo.turnByHand(target(stops) - servo.encoder);
    }
  }
}
