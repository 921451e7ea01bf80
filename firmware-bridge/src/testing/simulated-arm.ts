import type { OpenTransport } from "../transport/transport.ts";
import type { WorldCamera } from "./world-camera.ts";

/** The real firmware in front of simulated motors, an arm, a puck and a goal. */
export interface SimulatedArm {
  /** For people: what the firmware runs on. */
  readonly name: string;
  /** Opens the controller's port. */
  readonly openTransport: OpenTransport;
  readonly camera: WorldCamera;
  /** Puts object and goal where `seed` says, as in the Python world; the arm stays where it is. Resolves once the camera has seen it. */
  place(seed: number): Promise<void>;
  /** Ends firmware and physics. Safe twice. */
  close(): Promise<void>;
}
