/** omp-edge/testing: what stands in for a robot, bus servos included; no Node built-in. */
export * from "../../../sdk/src/testing/index.ts";
export {
  SimulatedServoBus,
  type ServoTrouble,
  type SimulatedServoBusOptions,
} from "./simulated-servo-bus.ts";
export { SimulatedServo, type SimulatedServoOptions } from "./simulated-servo.ts";
export { SimulatedHand, type JointStops } from "./simulated-hand.ts";
export { SimulatedSo101, type SimulatedSo101Options } from "./simulated-so101.ts";
