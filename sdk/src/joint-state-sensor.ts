import type { ActuatorLink } from "./actuator-link.ts";
import type { SampleSink, SensorSource } from "./sensor.ts";
import { createJointState, type JointState } from "./types.ts";

/** Feeds one observation key with the joint positions a link measures, stamped with the controller's tick. */
export class JointStateSensor implements SensorSource {
  readonly key: string;
  readonly #link: ActuatorLink;
  readonly #state: JointState;
  #unsubscribe: () => void = () => undefined;

  constructor(link: ActuatorLink, jointCount: number, key: string = "observation.state") {
    this.key = key;
    this.#link = link;
    this.#state = createJointState(jointCount);
  }

  async start(sink: SampleSink): Promise<void> {
    this.#unsubscribe = this.#link.on("jointStateReceived", () => {
      if (!this.#link.readJointState(this.#state)) return;
      sink.push(this.key, this.#state.position, this.#state.measuredAtMs);
    });
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    return Promise.resolve();
  }
}
