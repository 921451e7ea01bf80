import { fileURLToPath } from "node:url";

import { FleetWatch } from "../../../firmware-bridge/src/fleet/index.ts";
import { parseCommand } from "../command-options.ts";
import { FleetFeed } from "./fleet-feed.ts";
import { UiServer } from "./ui-server.ts";

export const fleetUiUsage = `usage: omp fleet ui [--broker URL] [--port N] [--host ADDRESS]

Serves one page that shows every robot of a broker: all at a glance, one live, and buttons to stop, hold and rearm.

  --broker URL    default mqtt://127.0.0.1:1883, where "npm start" listens when the port is free
  --port N        of the page (8080; 0 takes a free one)
  --host ADDRESS  where to listen (127.0.0.1). Whoever can open the page can command the robots: put another address
                  only behind something that asks who is there.`;

const packageRoot = fileURLToPath(new URL("../../../..", import.meta.url));

export async function fleetUi(args: readonly string[], signal: AbortSignal): Promise<number> {
  const options = parseCommand(args, {
    broker: { type: "string" },
    port: { type: "string" },
    host: { type: "string" },
  });
  const brokerUrl = options.text("broker") ?? "mqtt://127.0.0.1:1883";
  const fleet = await FleetWatch.connect({ brokerUrl });
  const feed = new FleetFeed(fleet);
  try {
    const ui = await UiServer.start({
      feed,
      pageFolder: `${packageRoot}/dist/sdk/cli/fleet-ui/page`,
      faultsFile: `${packageRoot}/sdk/FAULTS.md`,
      host: options.text("host") ?? "127.0.0.1",
      port: options.integer("port", 8080, 0, 65_535),
    });
    console.log(`${ui.url} shows the robots of ${brokerUrl} · Ctrl-C ends`);
    await new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => {
        resolve();
      });
      if (signal.aborted) resolve();
    });
    await ui.close();
    return 130;
  } finally {
    feed.close();
    await fleet.close();
  }
}
