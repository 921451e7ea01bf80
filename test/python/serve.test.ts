import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { promisify } from "node:util";

import { WebSocket } from "ws";

import { createEpisodeNoise } from "../../sdk/src/policy.ts";
import type { RandomStream } from "../../sdk/src/random.ts";
import { repositoryPath } from "../support/repository.ts";
import { needsPython, python, pythonEnvironment } from "./python.ts";

const folder = await mkdtemp(join(tmpdir(), "omp-serve-"));
const servers: ChildProcess[] = [];
after(async () => {
  for (const server of servers) server.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

/** Starts `omp serve` on the tiny bundle, whose action is the newest observation and a tenth of the noise. */
async function serveTiny(
  args: readonly string[] = [],
  variables: NodeJS.ProcessEnv = {},
): Promise<{ server: ChildProcess; url: string }> {
  const omp = repositoryPath("dist", "sdk", "cli", "omp.js");
  const bundle = repositoryPath("test", "vectors", "tiny-policy");
  const server = spawn(process.execPath, [omp, "serve", bundle, "--port", "0", ...args], {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, ...variables },
  });
  servers.push(server);
  for await (const line of createInterface({ input: server.stdout })) {
    const url = /^tiny-policy at (ws:\S+)$/.exec(line)?.[1];
    if (url !== undefined) return { server, url };
  }
  throw new Error("omp serve ended before it served");
}

interface Answer {
  readonly actions?: { dtype: string; shape: readonly number[]; values: readonly number[] };
  readonly server_timing?: { infer_ms: number; prev_total_ms?: number };
  readonly error?: string;
  readonly closed?: number;
  readonly [key: string]: unknown;
}

async function talk(
  url: string,
  steps: readonly unknown[],
  variables: NodeJS.ProcessEnv = {},
): Promise<Answer[]> {
  const file = join(folder, "steps.json");
  await writeFile(file, JSON.stringify(steps));
  const { stdout } = await promisify(execFile)(
    python,
    [repositoryPath("test", "python", "openpi_client.py"), url, file],
    { env: { ...pythonEnvironment, ...variables } },
  );
  const answers: Answer[] = JSON.parse(stdout);
  return answers;
}

/** Rows 1 to 7 of the tiny policy for an observation; `noise` goes on as in an episode. */
function expectedRows(noise: RandomStream, [x, y]: number[]): number[] {
  const samples = new Float32Array(16);
  noise.fillNormal(samples);
  return Array.from(samples.subarray(2), (sample, i) => ((i % 2 === 0 ? x : y) ?? 0) + sample / 10);
}

function assertRows(answer: Answer | undefined, expected: readonly number[]): void {
  assert.equal(answer?.actions?.dtype, "<f4");
  assert.deepEqual(answer.actions.shape, [7, 2]);
  for (const [i, value] of answer.actions.values.entries()) {
    assert.ok(Math.abs(value - (expected[i] ?? Number.NaN)) < 1e-6, `element ${i}: ${value}`);
  }
}

/** An observation as a client of openpi sends it, under that client's name. */
function send(state: readonly unknown[], more: Readonly<Record<string, unknown>> = {}): unknown {
  return { send: { "observation/state": state, prompt: "go", ...more } };
}

test(
  "a client of openpi gets metadata, then a chunk for every observation",
  needsPython,
  async () => {
    const { server, url } = await serveTiny(["--map", "observation/state=observation.state"]);
    const [metadata, first, second, seeded, batch, again, other] = await talk(url, [
      send([0.25, -0.5]),
      send([0.5, 0.5]),
      send([0, 1], { reset: true, seed: 7 }),
      send([
        [9, 9],
        [0.1, 0.2],
      ]),
      { reconnect: true },
      send([0.25, -0.5]),
    ]);
    assert.equal(metadata?.["bundle_id"], "tiny-policy");
    assert.deepEqual(metadata["policy"], {
      n_obs_steps: 2,
      horizon: 8,
      n_action_steps: 4,
      action_start_index: 1,
      lead_steps: 1,
      dt_ms: 50,
    });
    assert.match(JSON.stringify(metadata["observations"]), /"key":"observation\/state"/);

    const firstEpisode = createEpisodeNoise(0);
    assertRows(first, expectedRows(firstEpisode, [0.25, -0.5]));
    assertRows(second, expectedRows(firstEpisode, [0.5, 0.5]));
    const seventh = createEpisodeNoise(7);
    assertRows(seeded, expectedRows(seventh, [0, 1]));
    assertRows(batch, expectedRows(seventh, [0.1, 0.2]));
    assert.ok((first?.server_timing?.infer_ms ?? -1) >= 0);
    assert.equal(first?.server_timing?.prev_total_ms, undefined);
    assert.ok((second?.server_timing?.prev_total_ms ?? -1) > 0);

    assert.deepEqual(again, metadata);
    assert.deepEqual(other?.actions, first?.actions, "a new connection begins the first episode");

    server.kill("SIGINT");
    await once(server, "exit");
    assert.equal(server.exitCode, 0);
  },
);

test(
  "what cannot be acted on is told in a text frame and ends the connection",
  needsPython,
  async () => {
    const { url } = await serveTiny(["--max-message-mb", "1"]);
    const refused: readonly [unknown, RegExp][] = [
      [
        { send: { "observation.stat": [0, 0] } },
        /INVALID_OBSERVATION: .*observation\.state.*no such/,
      ],
      [{ send: { "observation.state": [0, 0, 0] } }, /\[3\].*Expected: an array \[2\]/],
      [{ send: { "observation.state": "0 0" } }, /a string, no array/],
      [{ send: { "observation.state": [0, 0], seed: 1 } }, /seed only with reset/],
      [{ raw: "c1" }, /not MessagePack/],
      [{ raw: "c0" }, /no map/],
      [{ text: "hello" }, /a text frame/],
    ];
    for (const [step, message] of refused) {
      const [, answer] = await talk(url, [step]);
      assert.match(answer?.error ?? JSON.stringify(answer), message);
    }
    const closings = await talk(url, [
      { raw: "c1" },
      { reconnect: true },
      { raw: "00".repeat(1_000_001) },
    ]);
    assert.deepEqual(
      closings.map(({ closed }) => closed),
      [undefined, undefined, 1011, undefined, 1009],
    );
  },
);

function status(
  url: string,
  headers: Readonly<Record<string, string>>,
  path = "/",
): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(`${url.replace("ws:", "http:")}${path}`, { headers });
    asked.on("response", (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.on("upgrade", (_, socket) => {
      socket.destroy();
      resolve(101);
    });
    asked.on("error", reject);
    asked.end();
  });
}

const upgrade = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
};

test("health is told; a web page, a missing key and one client too many are turned away", async () => {
  const { url } = await serveTiny(["--max-connections", "1"], { OMP_API_KEY: "secret" });
  assert.equal(await status(url, {}, "/healthz"), 200);
  assert.equal(await status(url, {}), 426);
  const key = { authorization: "Api-Key secret" };
  assert.equal(await status(url, upgrade), 401);
  assert.equal(await status(url, { ...upgrade, authorization: "Api-Key secre" }), 401);
  assert.equal(await status(url, { ...upgrade, ...key, origin: "http://example.com" }), 403);
  const held = new WebSocket(url, { headers: key });
  await once(held, "open");
  assert.equal(await status(url, { ...upgrade, ...key }), 503);
  held.close();
  await once(held, "close");
  assert.equal(await status(url, { ...upgrade, ...key }), 101);
});
