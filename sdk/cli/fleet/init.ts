import { hostname } from "node:os";
import { join } from "node:path";

import { parseCommand } from "../command-options.ts";
import { FleetFolder } from "./fleet-folder.ts";
import type { FleetJob } from "./fleet-job.ts";

export const init: FleetJob = {
  usage: `  init DIR           an authority, a broker's key and certificate, mosquitto.conf and access list, one operator
    --host NAME      by which clients reach the broker; may be repeated (this host's name, localhost, 127.0.0.1)
    --port N         (8883)`,

  run(args) {
    const options = parseCommand(
      args,
      { host: { type: "string", multiple: true }, port: { type: "string" } },
      ["DIR"],
    );
    const [path = ""] = options.operands;
    const named = options.texts("host");
    const hosts = named.length > 0 ? named : [hostname(), "localhost", "127.0.0.1"];
    const port = options.integer("port", 8883, 1, 65_535);
    const folder = FleetFolder.create(path, hosts, port);
    const operator = folder.add("operator", "operator");
    console.log(
      [
        `broker    mosquitto -c ${join(folder.path, "broker", "mosquitto.conf")}`,
        `operator  ${operator}`,
        `robots    omp fleet add ${path} ROBOT`,
        `The key in ${join(folder.path, "ca")} lets anybody in: keep it off the broker and off the robots.`,
      ].join("\n"),
    );
    return Promise.resolve(0);
  },
};
