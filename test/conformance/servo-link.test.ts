import {
  ServoLink,
  sts3215,
  xl330M288,
  type ServoModel,
} from "../../firmware-bridge/src/servo/index.ts";
import { SimulatedServoBus } from "../../firmware-bridge/src/testing/simulated-servo-bus.ts";
import { testActuatorLink, type LinkFixture } from "./actuator-link.ts";
import { VirtualTime } from "./virtual-time.ts";

const names = ["shoulder", "elbow", "wrist"];

async function createServoFixture(
  model: ServoModel,
  more: { readonly hasEcho?: boolean; readonly isFastSyncRead?: boolean } = {},
): Promise<LinkFixture> {
  const time = new VirtualTime();
  const { clock } = time;
  const bus = new SimulatedServoBus({
    clock,
    servos: names.map((_, i) => ({ model, id: i + 1, encoder: 2000 + 50 * i })),
    hasEcho: more.hasEcho ?? false,
  });
  const link = new ServoLink({
    clock,
    openTransport: bus.openTransport,
    calibration: {
      family: model.family,
      motors: names.map((joint, i) => ({
        joint,
        id: i + 1,
        model: model.name,
        homingOffset: 0,
        direction: i === 1 ? -1 : 1,
        zeroPosition: 2047.5,
        rangeMin: 800,
        rangeMax: 3300,
      })),
    },
    isFastSyncRead: more.isFastSyncRead ?? false,
  });
  return Promise.resolve({
    link,
    nowMs: () => clock.nowMs(),
    pass: (ms) => time.pass(ms),
    unplug: async () => {
      bus.unplug();
    },
    replug: async () => {
      bus.replug();
    },
    close: async () => {},
  });
}

testActuatorLink("ServoLink to Feetech STS3215", () => createServoFixture(sts3215));
testActuatorLink("ServoLink to Feetech STS3215 behind an adapter that echoes", () =>
  createServoFixture(sts3215, { hasEcho: true }),
);
testActuatorLink("ServoLink to Dynamixel XL330", () => createServoFixture(xl330M288));
testActuatorLink("ServoLink to Dynamixel XL330 by fast sync read", () =>
  createServoFixture(xl330M288, { isFastSyncRead: true }),
);
