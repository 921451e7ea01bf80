import type { WorldSample } from "./plant.ts";

/** `workerData` of the plant's thread. */
export interface PlantWorkerOptions {
  readonly firmwarePath: string;
  readonly firmwareArguments: readonly string[];
  readonly worldDirectory: string;
  /** Ticks between two samples of the world. */
  readonly sampleTicks: number;
}

export type PlantRequest =
  | { readonly kind: "place"; readonly id: number; readonly seed: number }
  | { readonly kind: "control"; readonly id: number; readonly command: string }
  | { readonly kind: "stop" };

export type PlantReply =
  | { readonly kind: "sample"; readonly sample: WorldSample }
  | { readonly kind: "placed"; readonly id: number; readonly placement: number }
  | { readonly kind: "answer"; readonly id: number; readonly line: string }
  | { readonly kind: "ended"; readonly reason: string };
