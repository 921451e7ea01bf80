import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, relative, resolve } from "node:path";
import { test } from "node:test";

import { filesBelow, repositoryPath, repositoryRoot } from "./support/repository.ts";

/** The walls of ARCHITECTURE.md: a file matching `from` may import only what one of `may` matches. */
const walls: readonly { from: RegExp; may: readonly RegExp[]; why: string }[] = [
  {
    from: /^sdk\/src\/(types|plan|errors|faults|clock|random)\.ts$/,
    may: [/^sdk\/src\/(types|errors|faults|clock)\.ts$/],
    why: "leaf files import only leaf files",
  },
  {
    from: /^sdk\/src\/(action-guard\.ts|guard\/)/,
    may: [/^sdk\/src\/(types|errors|faults)\.ts$/, /^sdk\/src\/(guard|kinematics)\//],
    why: "the guard knows joints and kinematics, no other stage",
  },
  {
    from: /^sdk\/src\/kinematics\//,
    may: [/^sdk\/src\/(types|errors)\.ts$/, /^sdk\/src\/kinematics\//, /^@rgrove\/parse-xml$/],
    why: "kinematics are geometry: leaf files and the XML parser, whose home they are",
  },
  {
    from: /^sdk\/src\/(sensor|observation-buffer|chunk-scheduler|actuator-link)\.ts$/,
    may: [
      /^sdk\/src\/(types|plan|errors|faults|clock|options|telemetry|random|sensor|loop-state)\.ts$/,
      /^sdk\/src\/handover\/chunk-handover\.ts$/,
      /^sdk\/src\/internal\//,
      /^sdk\/src\/bundle\/manifest\.ts$/,
    ],
    why: "a stage imports leaf files and contracts, never another stage",
  },
  {
    from: /^sdk\/src\/handover\//,
    may: [
      /^sdk\/src\/handover\//,
      /^sdk\/src\/(types|plan|errors|options)\.ts$/,
      /^sdk\/src\/bundle\/manifest\.ts$/,
    ],
    why: "a hand-over knows plans and chunks, and no stage",
  },
  {
    from: /^sdk\/src\/sampling\//,
    may: [
      /^sdk\/src\/sampling\//,
      /^sdk\/src\/(errors|random)\.ts$/,
      /^sdk\/src\/bundle\/manifest\.ts$/,
    ],
    why: "how a chunk is drawn knows numbers, and no stage",
  },
  {
    from: /^sdk\/src\/policy\.ts$/,
    may: [
      /^sdk\/src\/(types|errors|faults|clock|options|telemetry|random)\.ts$/,
      /^sdk\/src\/(internal|sampling)\//,
      /^sdk\/src\/bundle\/manifest\.ts$/,
      /^sdk\/src\/runtime\/inference-backend\.ts$/,
    ],
    why: "the policy knows the inference port, no runtime and no other stage",
  },
  {
    from: /^sdk\/src\/runtime\/node\//,
    may: [/^sdk\/src\//, /^node:/, /^onnxruntime-node$/],
    why: "the Node runtime is the only part of sdk/src with Node built-ins and onnxruntime",
  },
  {
    from: /^sdk\/src\/runtime\/web\//,
    may: [/^sdk\/src\/(?!runtime\/node\/)/, /^#onnxruntime-web$/, /^type:onnxruntime-web$/],
    why: "the web runtime has no Node built-in and takes onnxruntime-web by the conditional import",
  },
  {
    from: /^sdk\/src\/recording\//,
    may: [
      /^sdk\/src\/(?!runtime\/|testing\/)/,
      /^node:fs\/promises$/,
      /^node:path$/,
      /^@mcap\/core$/,
    ],
    why: "a recording watches the pipeline from outside and ends in a file; MCAP has one home",
  },
  {
    from: /^sdk\/src\//,
    may: [/^sdk\/src\/(?!recording\/|runtime\/(node|web)\/)/, /^type:@mujoco\/mujoco$/],
    why: "the pure pipeline imports nothing but itself",
  },
  {
    from: /^firmware-bridge\/src\/transport\/serialport-transport\.ts$/,
    may: [/^firmware-bridge\/src\//, /^sdk\/src\//, /^node:/, /^serialport$/],
    why: "serialport has one home",
  },
  {
    from: /^firmware-bridge\/src\/(mqtt|fleet)\//,
    may: [/^firmware-bridge\/src\//, /^sdk\/src\//, /^node:/, /^mqtt$/],
    why: "mqtt lives in mqtt/ and fleet/",
  },
  {
    from: /^firmware-bridge\/src\/servo\//,
    may: [
      /^firmware-bridge\/src\/(servo|protocol)\//,
      /^firmware-bridge\/src\/(tick-grid|trajectory-counts|transport\/transport)\.ts$/,
      /^sdk\/src\/(?!testing\/|runtime\/)/,
    ],
    why: "servos know the protocol's rules and a transport, nothing of controllers and no Node built-in",
  },
  {
    from: /^firmware-bridge\/src\/testing\//,
    may: [/^firmware-bridge\/src\//, /^sdk\/src\//, /^node:/, /^@mujoco\/mujoco$/],
    why: "simulated hardware may load the physics engine",
  },
  {
    from: /^firmware-bridge\/src\//,
    may: [/^firmware-bridge\/src\/(?!testing\/)/, /^sdk\/src\/(?!testing\/)/, /^node:/],
    why: "the bridge builds on the sdk's contracts",
  },
  {
    from: /^models\/src\/serve\//,
    may: [
      /^models\/src\//,
      /^sdk\/src\/(errors|policy|random|telemetry|types)\.ts$/,
      /^sdk\/src\/bundle\//,
      /^node:/,
      /^ws$/,
    ],
    why: "the server drives a policy and no robot; ws has one home",
  },
  {
    from: /^models\/src\//,
    may: [
      /^models\/src\//,
      /^sdk\/src\/(errors\.ts|bundle\/|recording\/|runtime\/node\/)/,
      /^node:/,
      /^hyparquet-writer$/,
    ],
    why: "the host tool knows the bundle and nothing of robots",
  },
  { from: /^sdk\/cli\//, may: [/./], why: "the composition root may import everything" },
  {
    from: /^examples\//,
    may: [/^omp-edge($|\/)/, /^node:/, /^examples\//, /^@mujoco\/mujoco$/, /^aedes$/],
    why: "examples use what a user can use",
  },
];

interface Import {
  readonly file: string;
  /** Repository-relative for our files, the bare specifier otherwise; `type:` in front when only types are taken. */
  readonly target: string;
}

function importsOf(path: string): Import[] {
  const file = relative(repositoryRoot, path);
  const source = readFileSync(path, "utf8");
  const pattern =
    /(?:^|\n)\s*(?:import|export)\s+(type\s)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"|\bimport\("([^"]+)"\)/g;
  return [...source.matchAll(pattern)].map((match) => {
    const specifier = match[2] ?? match[3] ?? "";
    if (specifier.startsWith(".")) {
      return { file, target: relative(repositoryRoot, resolve(dirname(path), specifier)) };
    }
    const name = builtinModules.includes(specifier) ? `node:${specifier}` : specifier;
    return { file, target: match[1] === undefined ? name : `type:${name}` };
  });
}

function isTest(file: string): boolean {
  return file.endsWith(".test.ts");
}

test("every import respects the walls of ARCHITECTURE.md", () => {
  const sources = ["sdk", "firmware-bridge", "models", "examples"]
    .flatMap((folder) => filesBelow(repositoryPath(folder), ".ts"))
    .filter((file) => !isTest(file) && !file.endsWith(".d.ts"));
  assert.ok(sources.length > 20, `only ${sources.length} sources found`);
  const broken: string[] = [];
  for (const { file, target } of sources.flatMap(importsOf)) {
    const wall = walls.find(({ from }) => from.test(file));
    if (wall === undefined) broken.push(`${file} has no wall`);
    else if (!wall.may.some((may) => may.test(target) || may.test(target.replace("type:", "")))) {
      broken.push(`${file} imports ${target}: ${wall.why}`);
    }
  }
  assert.deepEqual(broken, []);
});

test("only tests, examples and the demo import testing/", () => {
  const allowed = /^(test|examples|sdk\/cli)\/|\/testing\/|\.test\.ts$/;
  const broken = ["sdk", "firmware-bridge", "models"]
    .flatMap((folder) => filesBelow(repositoryPath(folder), ".ts"))
    .flatMap(importsOf)
    .filter(({ file, target }) => target.includes("/testing/") && !allowed.test(file))
    .map(({ file, target }) => `${file} imports ${target}`);
  assert.deepEqual(broken, []);
});

test("only OmpError is thrown", () => {
  const broken = ["sdk", "firmware-bridge/src", "models/src"]
    .flatMap((folder) => filesBelow(repositoryPath(folder), ".ts"))
    .filter((file) => !isTest(file))
    .filter((file) => /throw new (?!OmpError\b)\w+/.test(readFileSync(file, "utf8")))
    .map((file) => relative(repositoryRoot, file));
  assert.deepEqual(broken, []);
});

test("no hand-written TypeScript file is longer than 400 lines", () => {
  const long = ["sdk", "firmware-bridge", "models", "examples", "test"]
    .flatMap((folder) => filesBelow(repositoryPath(folder), ".ts"))
    .map((file) => ({
      file: relative(repositoryRoot, file),
      lines: readFileSync(file, "utf8").split("\n").length,
    }))
    .filter(({ lines }) => lines > 401);
  assert.deepEqual(long, []);
});
