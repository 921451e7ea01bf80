import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { isOmpError, parseManifest } from "omp-edge";

import { repositoryPath } from "../support/repository.ts";
import { needsPython, runPythonFile } from "./python.ts";

/** One change of the tiny policy's manifest. Places are JSON pointers (RFC 6901). */
interface Mutation {
  readonly name: string;
  readonly set?: Readonly<Record<string, unknown>>;
  readonly delete?: string;
  /** Text and what stands there instead, for what is no JSON value. */
  readonly replace?: readonly [string, string];
  /** The key that a refusal names; a valid manifest when left out. */
  readonly refused?: string;
}

type Json = Record<string, unknown>;

const source = readFileSync(repositoryPath("test/vectors/tiny-policy/manifest.json"), "utf8");
const mutations: readonly Mutation[] = JSON.parse(
  readFileSync(repositoryPath("test/vectors/manifest-mutations.json"), "utf8"),
);

function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null;
}

/** The object or array that holds the last key of `pointer`, and that key. */
function place(root: unknown, pointer: string): readonly [holder: Json, key: string] {
  const keys = pointer
    .split("/")
    .slice(1)
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
  const last = keys.pop();
  const holder = keys.reduce((value, key) => (isJson(value) ? value[key] : undefined), root);
  assert.ok(isJson(holder) && last !== undefined, pointer);
  return [holder, last];
}

function mutate(mutation: Mutation): string {
  if (mutation.replace !== undefined) {
    const [before, after] = mutation.replace;
    assert.ok(source.includes(before), mutation.name);
    return source.replace(before, after);
  }
  const root: unknown = JSON.parse(source);
  for (const [pointer, value] of Object.entries(mutation.set ?? {})) {
    const [holder, key] = place(root, pointer);
    holder[key] = value;
  }
  if (mutation.delete !== undefined) {
    const [holder, key] = place(root, mutation.delete);
    assert.ok(key in holder, mutation.name);
    delete holder[key];
  }
  return JSON.stringify(root);
}

/** What the SDK says: null or the message of its refusal. */
function verdict(text: string): string | null {
  try {
    parseManifest(text);
    return null;
  } catch (error) {
    if (isOmpError(error, "BUNDLE_INVALID")) return error.message;
    throw error;
  }
}

/** Whether `message` names `key`, or one element of it, and not merely a key below it. */
function isNamed(message: string, key: string): boolean {
  const rest = ` ${message}`.split(` ${key}`).slice(1);
  return rest.some((after) => /^(?:\[\d+\])?(?:[:\s]|\.\s|\.?$)/.test(after));
}

function assertVerdicts(verdicts: readonly (string | null)[]): void {
  assert.equal(verdicts.length, mutations.length);
  const wrong = mutations.flatMap(({ name, refused }, i) => {
    const message = verdicts[i] ?? null;
    const isRight =
      refused === undefined ? message === null : message !== null && isNamed(message, refused);
    return isRight ? [] : [{ name, expected: refused ?? "accepted", message }];
  });
  assert.deepEqual(wrong, []);
}

test("the TypeScript parser takes and refuses what the list says, by the key", () => {
  assertVerdicts(mutations.map((mutation) => verdict(mutate(mutation))));
});

test(
  "the Python parser takes and refuses what the list says, by the key",
  needsPython,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "omp-manifests-"));
    try {
      const file = join(folder, "texts.json");
      writeFileSync(file, JSON.stringify(mutations.map(mutate)));
      assertVerdicts(JSON.parse(await runPythonFile("manifest_verdicts.py", file)));
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

test("the list deletes every key of the manifest and adds one to every object", () => {
  const deleted = new Set(mutations.map((mutation) => mutation.delete));
  const set = new Set(mutations.flatMap((mutation) => Object.keys(mutation.set ?? {})));
  const missing: string[] = [];
  const visit = (value: unknown, pointer: string): void => {
    if (Array.isArray(value)) {
      visit(value[0], `${pointer}/0`);
    } else if (isJson(value) && pointer !== "/training" && pointer !== "/quantization") {
      if (pointer !== "/files" && !set.has(`${pointer}/extra`)) missing.push(`${pointer}/extra`);
      for (const [key, one] of Object.entries(value)) {
        if (!deleted.has(`${pointer}/${key}`)) missing.push(`${pointer}/${key}`);
        visit(one, `${pointer}/${key}`);
      }
    }
  };
  visit(JSON.parse(source), "");
  assert.deepEqual(missing, []);
});
