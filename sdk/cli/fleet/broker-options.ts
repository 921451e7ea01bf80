import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { BrokerCredentials } from "../../../firmware-bridge/src/fleet/index.ts";
import { asOmpError, ErrorCode } from "../../src/errors.ts";
import type { ParsedCommand } from "../command-options.ts";
import { clientFiles } from "./fleet-folder.ts";

/** Of every command that talks to a broker. */
export const brokerOptionTypes = {
  broker: { type: "string" },
  credentials: { type: "string" },
} as const;

export const defaultBrokerUrl = "mqtt://127.0.0.1:1883";

/** @throws {OmpError} INVALID_ARGUMENT when the credentials cannot be read */
export function brokerOptions(options: ParsedCommand): {
  readonly brokerUrl: string;
  readonly credentials?: BrokerCredentials;
} {
  const brokerUrl = options.text("broker") ?? defaultBrokerUrl;
  const folder = options.text("credentials");
  return folder === undefined ? { brokerUrl } : { brokerUrl, credentials: readCredentials(folder) };
}

/**
 * @param folder as `omp fleet init` and `omp fleet add` write it
 * @throws {OmpError} INVALID_ARGUMENT
 */
export function readCredentials(folder: string): BrokerCredentials {
  try {
    return {
      ca: readFileSync(join(folder, clientFiles.ca), "utf8"),
      cert: readFileSync(join(folder, clientFiles.certificate), "utf8"),
      key: readFileSync(join(folder, clientFiles.key), "utf8"),
    };
  } catch (error) {
    throw asOmpError(error, ErrorCode.InvalidArgument, `no credentials in ${folder}`);
  }
}
