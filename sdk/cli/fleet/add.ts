import { parseCommand } from "../command-options.ts";
import { clientRoles, FleetFolder } from "./fleet-folder.ts";
import type { FleetJob } from "./fleet-job.ts";

const reload = "Let the broker read its access list again: kill -HUP of mosquitto.";
const roleType = { as: { type: "string" } } as const;

export const add: FleetJob = {
  usage: `  add DIR NAME...    key, certificate and rights of a robot, by its id
    --as ROLE        robot, operator or watcher (robot)`,
  run(args) {
    const { folder, role, names } = parse(args);
    for (const name of names) console.log(`${role} ${name}  ${folder.add(role, name)}`);
    console.log(reload);
    return Promise.resolve(0);
  },
};

export const remove: FleetJob = {
  usage: `  remove DIR NAME... takes the rights away, also those of a stolen key; --as ROLE (robot)`,
  run(args) {
    const { folder, role, names } = parse(args);
    for (const name of names) folder.remove(role, name);
    console.log(reload);
    return Promise.resolve(0);
  },
};

function parse(args: readonly string[]): {
  readonly folder: FleetFolder;
  readonly role: (typeof clientRoles)[number];
  readonly names: readonly string[];
} {
  const options = parseCommand(args, roleType, ["DIR", "NAME..."]);
  const [path = "", ...names] = options.operands;
  const given = options.choice("as", clientRoles);
  const role = clientRoles.find((one) => one === given) ?? "robot";
  return { folder: FleetFolder.open(path), role, names };
}
