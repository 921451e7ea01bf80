import { LoopbackLink } from "../../sdk/src/testing/loopback-link.ts";
import type { Joint } from "../../sdk/src/types.ts";
import { testActuatorLink } from "./actuator-link.ts";
import { VirtualTime } from "./virtual-time.ts";

const joints: readonly Joint[] = ["shoulder", "elbow"].map((name) => ({
  name,
  kind: "revolute",
  minPosition: -1.5,
  maxPosition: 2,
  maxVelocity: 2,
  maxAcceleration: 20,
}));

testActuatorLink("loopback", async () => {
  const time = new VirtualTime();
  const link = new LoopbackLink(time.clock, { joints });
  return {
    link,
    nowMs: () => time.clock.nowMs(),
    pass: (ms) => time.pass(ms),
    unplug: async () => {
      link.unplug();
    },
    replug: async () => {},
    close: async () => {},
  };
});
