/** omp-edge/servo: bus servos driven by this host, Feetech STS and Dynamixel X. */
export {
  calibratedMotors,
  CalibratedMotor,
  type ArmCalibration,
  type MotorCalibration,
} from "./calibration.ts";
export { calibrationText, parseCalibration } from "./calibration-file.ts";
export {
  importLeRobotCalibration,
  zeroPosition,
  type LeRobotImportOptions,
} from "./lerobot-calibration.ts";
export { ServoLink } from "./servo-link.ts";
export {
  defaultMotionLimits,
  type JointMotionLimits,
  type ServoLinkOptions,
} from "./servo-link-options.ts";
export { ServoBus, type ServoBusOptions } from "./servo-bus.ts";
export type { ServoReply } from "./bus-line.ts";
export { createServoBusCounters, type ServoBusCounters } from "./servo-bus-counters.ts";
export { feetechFormat } from "./feetech/feetech-format.ts";
export { sts3215 } from "./feetech/sts3215.ts";
export { dynamixelFormat } from "./dynamixel/dynamixel-format.ts";
export { xl330M077, xl330M288, xl430W250, xm430W350 } from "./dynamixel/x-series.ts";
export { so101Joints, so101MiddleAngles, type KnownJoint } from "./so101.ts";
export { servoModel, servoModels } from "./servo-models.ts";
export { surveyServo, type ServoSurvey } from "./servo-survey.ts";
export { homingOffsetAt, storeCalibration, type ServoCalibrationRegisters } from "./servo-setup.ts";
export type { ServoCondition, ServoFamily, ServoModel, ServoRegisters } from "./servo-model.ts";
export {
  readRegister,
  registerBytes,
  registerRange,
  writeRegister,
  type Register,
} from "./register.ts";
export { PacketDecoder, type PacketDecoderCounters } from "./packet-decoder.ts";
export { Instruction, type PacketFormat, type ServoPacket } from "./packet-format.ts";
export type { OpenTransport, Transport } from "../transport/transport.ts";
