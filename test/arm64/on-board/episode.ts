import { loadPolicy } from "omp-edge/node";

import { repositoryPath } from "../../support/repository.ts";
import { VirtualRobot } from "../../support/virtual-robot.ts";

const policy = await loadPolicy(repositoryPath("models/bundles/so101-push"), { variant: "int8" });
const robot = await VirtualRobot.start(policy);
const episode = await robot.runEpisode(0);
const { trajectoriesLate, faults } = robot.loop.counters;
await robot.close();
await policy.close();
console.log(JSON.stringify({ ...episode, trajectoriesLate, faults }));
