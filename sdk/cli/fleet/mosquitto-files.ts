import { join } from "node:path";

import { fleetTopicKinds } from "../../../firmware-bridge/src/fleet/index.ts";
import type { ClientRole } from "./fleet-folder.ts";

/** mosquitto.conf, version 2: TLS with client certificates, nobody else, bounded in every direction. */
export function brokerConfiguration(folder: string, port: number): string {
  return [
    `listener ${port}`,
    `cafile ${join(folder, "ca.crt")}`,
    `certfile ${join(folder, "broker.crt")}`,
    `keyfile ${join(folder, "broker.key")}`,
    "tls_version tlsv1.2",
    "require_certificate true",
    "# The user is the certificate's common name; a user name that a client sends counts for nothing.",
    "use_identity_as_username true",
    "allow_anonymous false",
    `acl_file ${join(folder, "acl")}`,
    "",
    "# FLEET.md allows 32768 bytes.",
    "message_size_limit 65536",
    "max_packet_size 69632",
    "max_inflight_messages 64",
    "max_queued_messages 100000",
    "max_queued_bytes 67108864",
    "",
    "# Retained births and queued messages survive a restart.",
    "persistence true",
    `persistence_location ${folder}/`,
    "autosave_interval 10",
    "log_type error",
    "log_type warning",
    "log_type notice",
    "",
  ].join("\n");
}

/** A user that is not named here may do nothing. */
export function accessList(
  users: readonly { readonly role: ClientRole; readonly name: string; readonly user: string }[],
): string {
  const blocks = users.map(({ role, name, user }) =>
    [`user ${user}`, ...rights(role, name).map((right) => `topic ${right}`), ""].join("\n"),
  );
  return ["# Written by `omp fleet`; Mosquitto reads it again on SIGHUP.", "", ...blocks].join(
    "\n",
  );
}

function rights(role: ClientRole, name: string): string[] {
  const reading = fleetTopicKinds.map((kind) => `read omp/v1/+/${kind}`);
  switch (role) {
    case "robot":
      return [
        ...fleetTopicKinds.map((kind) => `write omp/v1/${name}/${kind}`),
        `read omp/v1/${name}/command`,
        // The frames of a motor controller behind the broker, PROTOCOL.md.
        `readwrite omp/v1/${name}/link/#`,
      ];
    case "operator":
      return [...reading, "write omp/v1/+/command"];
    case "watcher":
      break;
  }
  return reading;
}
