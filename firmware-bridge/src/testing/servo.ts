/** omp-edge/servo/testing: servo buses that are not there. */
export {
  SimulatedServoBus,
  type ServoTrouble,
  type SimulatedServoBusOptions,
} from "./simulated-servo-bus.ts";
export { SimulatedServo, type SimulatedServoOptions } from "./simulated-servo.ts";
export { SimulatedHand, type JointStops } from "./simulated-hand.ts";
export { SimulatedSo101, type SimulatedSo101Options } from "./simulated-so101.ts";
