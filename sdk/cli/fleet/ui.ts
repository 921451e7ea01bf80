import { fileURLToPath } from "node:url";

import { FleetOperator } from "../../../firmware-bridge/src/fleet/index.ts";
import { asOmpError, ErrorCode, OmpError } from "../../src/errors.ts";
import { parseCommand, type ParsedCommand } from "../command-options.ts";
import { ArmModels } from "../fleet-ui/arm-shape.ts";
import { FleetFeed } from "../fleet-ui/fleet-feed.ts";
import type { UiCommand, UiCommandResult } from "../fleet-ui/ui-messages.ts";
import { UiServer } from "../fleet-ui/ui-server.ts";
import { brokerOptions, brokerOptionTypes } from "./broker-options.ts";
import type { FleetJob } from "./fleet-job.ts";

const packageRoot = fileURLToPath(new URL("../../../..", import.meta.url));

/** Serves the fleet's page until it is interrupted. */
export const ui: FleetJob = {
  usage: `  ui                 a page of all robots, with buttons to stop, hold and rearm: --port N (8080; 0: any free one),
                     --host ADDRESS (127.0.0.1). Whoever can open the page can command the robots: put another address
                     only behind something that asks who is there. --watch-only leaves the buttons out. --arm MODEL=FILE
                     draws arms of a model by their URDF or MJCF; may be repeated (so101, the demo's, is known)`,

  async run(args, signal) {
    const options = parseCommand(args, {
      ...brokerOptionTypes,
      port: { type: "string" },
      host: { type: "string" },
      "watch-only": { type: "boolean" },
      arm: { type: "string", multiple: true },
    });
    const broker = brokerOptions(options);
    const closers: (() => void | Promise<void>)[] = [];
    try {
      const operator = await FleetOperator.connect({ ...broker, issuer: "omp-fleet-ui" });
      closers.push(async () => operator.close());
      const feed = new FleetFeed(operator.watch, await ArmModels.read(armFiles(options)));
      closers.push(() => {
        feed.close();
      });
      const server = await UiServer.start({
        feed,
        pageFolder: `${packageRoot}/dist/sdk/cli/fleet-ui/page`,
        faultsFile: `${packageRoot}/sdk/FAULTS.md`,
        host: options.text("host") ?? "127.0.0.1",
        port: options.integer("port", 8080, 0, 65_535),
        ...(!options.flag("watch-only") && {
          command: async (command, robots) =>
            Promise.all(robots.map((robot) => ask(operator, command, robot))),
        }),
      });
      closers.push(async () => server.close());
      console.log(`${server.url} shows the robots of ${broker.brokerUrl} · Ctrl-C ends`);
      await new Promise<void>((resolve) => {
        signal.addEventListener("abort", () => {
          resolve();
        });
        if (signal.aborted) resolve();
      });
      return 130;
    } finally {
      for (const close of closers.toReversed()) await close();
    }
  },
};

/** @throws {OmpError} INVALID_ARGUMENT */
function armFiles(options: ParsedCommand): Map<string, string> {
  const files = new Map([["so101", `${packageRoot}/models/worlds/push/scene.xml`]]);
  for (const given of options.texts("arm")) {
    const [, model, file] = /^([^=]+)=(.+)$/.exec(given) ?? [];
    if (model === undefined || file === undefined) {
      throw new OmpError(ErrorCode.InvalidArgument, {
        what: "--arm does not name an arm",
        observed: given,
        expected: "MODEL=FILE",
      });
    }
    files.set(model, file);
  }
  return files;
}

async function ask(
  operator: FleetOperator,
  kind: UiCommand,
  robot: string,
): Promise<UiCommandResult> {
  try {
    const { outcome, reason, detail } = await operator.send(robot, { kind, arguments: {} });
    return { robot, outcome, detail: [reason, detail].filter(Boolean).join(": ") };
  } catch (error) {
    const { message } = asOmpError(error, ErrorCode.Internal, "the command failed");
    return { robot, outcome: "failed", detail: message };
  }
}
