import { once } from "node:events";

import { parseKeyMap } from "../../../models/src/serve/key-map.ts";
import { PolicyServer } from "../../../models/src/serve/policy-server.ts";
import { ErrorCode, OmpError } from "../../src/errors.ts";
import { loadPolicy } from "../../src/runtime/node/load-policy.ts";
import type { Command } from "../command.ts";
import { parseCommand } from "../command-options.ts";

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;

/** Serves a bundle to openpi clients. */
export const serve: Command = {
  summary: "serve a bundle over WebSocket to openpi clients",
  usage: `usage: omp serve BUNDLE [--port N] [--host ADDRESS] [--variant NAME] [--map CLIENT=POLICY]...

  --port N             default 8000; 0 takes a free one
  --host ADDRESS       default 127.0.0.1; another than this machine needs OMP_API_KEY
  --variant NAME       graph of the bundle to run; default: the manifest's
  --map CLIENT=POLICY  what the client calls an observation key, for example
                       observation/state=observation.state; may be repeated
  --seed N             of the noise of a connection's first episode (default 0)
  --max-connections N  clients at a time (default 4)
  --max-message-mb N   longest message (default 16)

Speaks the protocol of openpi's WebSocket client; models/SERVING.md says exactly what. GET /healthz answers OK.
With OMP_API_KEY set, clients must send "Authorization: Api-Key <its value>".
Exit status: 0 stopped by Ctrl-C, 1 failed, 2 wrong call.`,

  async run(args, signal) {
    const options = parseCommand(
      args,
      {
        port: { type: "string" },
        host: { type: "string" },
        variant: { type: "string" },
        map: { type: "string", multiple: true },
        seed: { type: "string" },
        "max-connections": { type: "string" },
        "max-message-mb": { type: "string" },
      },
      ["BUNDLE"],
    );
    const host = options.text("host") ?? "127.0.0.1";
    const apiKey = process.env["OMP_API_KEY"];
    if (!LOOPBACK.test(host) && !apiKey) {
      throw new OmpError(ErrorCode.InvalidArgument, {
        what: "a policy is not served to other machines without a key",
        observed: `--host ${host} and no OMP_API_KEY`,
        next: "Set OMP_API_KEY, or leave --host out and forward the port over SSH.",
      });
    }
    const serverOptions = {
      host,
      port: options.integer("port", 8000, 0, 65_535),
      firstSeed: options.integer("seed", 0, 0, 2 ** 31),
      maxConnections: options.integer("max-connections", 4, 1, 1000),
      maxMessageBytes: options.integer("max-message-mb", 16, 1, 1000) * 1_000_000,
      ...(apiKey ? { apiKey } : {}),
      onEvent: (line: string) => {
        console.error(line);
      },
    };
    const variant = options.text("variant");
    const policy = await loadPolicy(options.operands[0] ?? "", variant ? { variant } : {});
    try {
      const keyMap = parseKeyMap(options.texts("map"), policy.manifest.observations);
      const server = await PolicyServer.open(policy, { ...serverOptions, keyMap });
      console.log(`${policy.manifest.bundleId} at ${server.url}`);
      if (!signal.aborted) await once(signal, "abort");
      await server.close();
    } finally {
      await policy.close();
    }
    return 0;
  },
};
