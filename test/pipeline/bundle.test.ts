import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "node:test";

import { createRandom, type ErrorCode, isOmpError } from "omp-edge";
import { loadPolicy } from "omp-edge/node";

import { repositoryPath } from "../support/repository.ts";

const source = repositoryPath("test/vectors/tiny-policy");
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** A copy of the tiny bundle that a test may break. */
function copyBundle(): string {
  const folder = mkdtempSync(join(tmpdir(), "omp-bundle-"));
  folders.push(folder);
  cpSync(source, folder, { recursive: true });
  return folder;
}

type Json = Record<string, unknown>;

function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null;
}

/** The object at `path`, of which tests change keys. */
function child(root: unknown, ...path: readonly (string | number)[]): Json {
  const found = path.reduce((value, key) => (isJson(value) ? value[key] : undefined), root);
  assert.ok(isJson(found), path.join("."));
  return found;
}

function readJson(path: string): Json {
  const value: unknown = JSON.parse(readFileSync(path, "utf8"));
  return child(value);
}

async function assertNotLoaded(folder: string, code: ErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(
    loadPolicy(folder),
    (error) => isOmpError(error, code) && message.test(error.message),
    String(message),
  );
}

/** Rewrites a file and its hash in the manifest: a bundle that is consistent and wrong. */
function replaceFile(folder: string, file: string, text: string): void {
  writeFileSync(join(folder, file), text);
  const manifest = readJson(join(folder, "manifest.json"));
  child(manifest, "files")[file] = {
    sha256: createHash("sha256").update(text).digest("hex"),
    bytes: Buffer.byteLength(text),
  };
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
}

test("a policy in five lines", async () => {
  const policy = await loadPolicy(source);
  const chunk = await policy.act({ "observation.state": [0.1, -0.2] });
  assert.equal(chunk.rows.length, chunk.horizon * chunk.actionDim);
  assert.ok(chunk.rows.every((value) => Math.abs(value) < 1));
  await policy.close();
});

test("a manifest in another encoding than plain UTF-8 is refused", async () => {
  const folder = copyBundle();
  const path = join(folder, "manifest.json");
  const text = readFileSync(path, "utf8");
  writeFileSync(path, `\u{feff}${text}`);
  await assertNotLoaded(folder, "BUNDLE_INVALID", /manifest\.json is not JSON/);
  writeFileSync(path, text.replace("elbow", "\u{e9}lbow"), "latin1");
  await assertNotLoaded(folder, "BUNDLE_INVALID", /manifest\.json is not UTF-8/);
});

test("a file that is missing, longer or changed is refused by name", async () => {
  const missing = copyBundle();
  unlinkSync(join(missing, "policy.fp32.onnx"));
  await assertNotLoaded(missing, "BUNDLE_UNREADABLE", /policy\.fp32\.onnx/);

  const changed = copyBundle();
  const bytes = readFileSync(join(changed, "policy.fp32.onnx"));
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  writeFileSync(join(changed, "policy.fp32.onnx"), bytes);
  await assertNotLoaded(changed, "BUNDLE_HASH_MISMATCH", /policy\.fp32\.onnx.*sha256/);

  const longer = copyBundle();
  writeFileSync(
    join(longer, "golden.json"),
    `${readFileSync(join(longer, "golden.json"), "utf8")} `,
  );
  await assertNotLoaded(longer, "BUNDLE_HASH_MISMATCH", /golden\.json/);
});

test("a model that answers otherwise than where the bundle was made is refused", async () => {
  const folder = copyBundle();
  const golden = readJson(join(folder, "golden.json"));
  const output = child(golden, "cases", 1, "outputs", "fp32");
  output["5"] = Number(output["5"]) + 1e-3;
  replaceFile(folder, "golden.json", JSON.stringify(golden));
  await assertNotLoaded(folder, "BUNDLE_GOLDEN_MISMATCH", /case 1 .*difference of 0\.001/);
});

test("a variant with inputs of its own is read, and refused when it is asked for", async () => {
  const folder = copyBundle();
  const path = join(folder, "manifest.json");
  const manifest = readJson(path);
  const inputs = [{ name: "t", shape: [1], meaning: "time" }];
  const tau = { name: "tau", file: "policy.fp32.onnx", precision: "fp32", inputs };
  child(manifest, "variants")["1"] = tau;
  writeFileSync(path, JSON.stringify(manifest));
  await (await loadPolicy(folder)).close();
  await assert.rejects(
    loadPolicy(folder, { variant: "tau" }),
    (error) => isOmpError(error, "INVALID_ARGUMENT") && /tau .*inputs t,.*fp32/.test(error.message),
  );
});

test("a model with other inputs than the manifest's is refused", async () => {
  const folder = copyBundle();
  const manifest = readJson(join(folder, "manifest.json"));
  child(manifest, "noise")["input"] = "z";
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
  const text = readFileSync(join(folder, "golden.json"), "utf8").replaceAll('"noise"', '"z"');
  replaceFile(folder, "golden.json", text);
  await assertNotLoaded(folder, "BUNDLE_INVALID", /inputs of the model.*noise\[1, 8, 2\]/);
});

test("an observation that does not fit names its key", async () => {
  const policy = await loadPolicy(source);
  const refused = async (observation: Record<string, number[]>, message: RegExp): Promise<void> => {
    await assert.rejects(
      policy.act(observation),
      (error) => isOmpError(error, "INVALID_OBSERVATION") && message.test(error.message),
    );
  };
  await refused({}, /observation\.state.*no such key/);
  await refused({ "observation.state": [1, 2, 3] }, /observation\.state.*3 numbers/);
  await refused({ "observation.state": [0, Number.NaN] }, /observation\.state.*NaN at index 1/);
  await refused({ "observation.state": [0, 0], depth: [1] }, /no observation key depth/);
  await policy.close();
  await assert.rejects(policy.act({ "observation.state": [0, 0] }), /INVALID_STATE.*closed/);
});

test("equal seeds give equal chunks", async () => {
  const policy = await loadPolicy(source, { seed: 5 });
  const observation = { "observation.state": [0, 0, 0.1, 0.2] };
  const first = [await policy.act(observation), await policy.act(observation)];
  assert.notDeepEqual(first[0]?.rows, first[1]?.rows);
  policy.reseed(5);
  assert.deepEqual((await policy.act(observation)).rows, first[0]?.rows);
  policy.reseed(6);
  assert.notDeepEqual((await policy.act(observation)).rows, first[0]?.rows);
  await policy.close();
});

test("the noise of episode s is the stream of s xor 0x9e3779b9, drawn on from chunk to chunk", async () => {
  const policy = await loadPolicy(source);
  for (const seed of [0, 7, 4_294_967_295]) {
    policy.reseed(seed);
    const stream = createRandom(seed ^ 0x9e3779b9);
    const noise = new Float32Array(16);
    for (let chunks = 0; chunks < 2; chunks += 1) {
      const { rows } = await policy.act({ "observation.state": [0, 0] });
      stream.fillNormal(noise);
      const gain = Math.fround(0.1);
      assert.deepEqual(
        [...rows],
        Array.from(noise, (value) => Math.fround(gain * value)),
      );
    }
  }
  await policy.close();
});
