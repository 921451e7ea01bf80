import { xl330M077, xl330M288, xl430W250, xm430W350 } from "./dynamixel/x-series.ts";
import { sts3215 } from "./feetech/sts3215.ts";
import type { ServoFamily, ServoModel } from "./servo-model.ts";

/** Every servo omp-edge knows. */
export const servoModels: readonly ServoModel[] = [
  sts3215,
  xl330M288,
  xl330M077,
  xl430W250,
  xm430W350,
];

/** The model that reports this model number, or undefined. */
export function servoModel(family: ServoFamily, modelNumber: number): ServoModel | undefined {
  return servoModels.find((model) => model.family === family && model.modelNumber === modelNumber);
}
