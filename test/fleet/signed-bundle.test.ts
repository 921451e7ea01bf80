import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { assert as check, asyncProperty, nat, uint8Array } from "fast-check";
import {
  createKeyPair,
  FileBundleReader,
  loadPolicy,
  packBundle,
  readPrivateKey,
  readPublicKey,
  signManifest,
  trustKeys,
  unpackBundle,
  verifyBundleDirectory,
  verifyBundleFile,
} from "omp-edge/node";

import { makeTinyBundle } from "../support/tiny-bundle.ts";

const folder = await mkdtemp(join(tmpdir(), "omp-signed-"));
after(() => rm(folder, { recursive: true, force: true }));

const pair = createKeyPair();
const key = readPrivateKey(pair.privatePem);
const trusted = trustKeys([readPublicKey(pair.publicPem)]);
const sign = (manifest: Uint8Array): ReturnType<typeof signManifest> => signManifest(manifest, key);
let made = 0;

/** A packed tiny bundle whose manifest was changed before it was signed. */
async function pack(change?: (manifest: Record<string, unknown>) => void): Promise<string> {
  made += 1;
  const directory = join(folder, `bundle-${made}`);
  await makeTinyBundle(directory, change === undefined ? {} : { change });
  const out = join(folder, `bundle-${made}.omp`);
  await packBundle(directory, sign, out);
  return out;
}

/** A packed bundle put together by hand around any manifest, correctly signed. */
async function packByHand(manifestText: string, content: Buffer): Promise<string> {
  made += 1;
  const manifest = Buffer.from(manifestText);
  const { keyId, bundleHash, allowDowngrade, signature } = sign(manifest);
  const signatureText = Buffer.from(
    `${JSON.stringify({ key_id: keyId, bundle_hash: bundleHash, allow_downgrade: allowDowngrade, signature })}\n`,
  );
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32LE(signatureText.length, 0);
  lengths.writeUInt32LE(manifest.length, 4);
  const out = join(folder, `by-hand-${made}.omp`);
  const magic = Buffer.from("OMPBNDL\x01", "latin1");
  await writeFile(out, Buffer.concat([magic, lengths, signatureText, manifest, content]));
  return out;
}

async function refuses(file: string, code: RegExp): Promise<void> {
  const target = `${file}.unpacked`;
  await assert.rejects(verifyBundleFile(file, { trusted }), code);
  await assert.rejects(unpackBundle(file, target, { trusted }), code);
  const left = (await readdir(folder)).filter((name) => join(folder, name).startsWith(target));
  assert.deepEqual(left, [], "something was left behind");
}

test("a packed bundle unpacks to the same files, runs, and its address is its manifest's hash", async () => {
  const file = await pack();
  const target = join(folder, "unpacked");
  const { hash } = await unpackBundle(file, target, { trusted });
  const reader = new FileBundleReader(target);
  assert.equal(hash, await reader.sha256(await reader.read("manifest.json")));
  for (const name of ["manifest.json", "golden.json", "policy.fp32.onnx"]) {
    const original = await readFile(join(folder, `bundle-${made}`, name));
    assert.deepEqual(await readFile(join(target, name)), original);
  }
  assert.equal((await verifyBundleDirectory(target, { trusted })).hash, hash);
  await (await loadPolicy(target)).close();
});

test("no flipped bit, cut or appended byte is accepted", async () => {
  const original = await readFile(await pack());
  const changed = join(folder, "changed.omp");
  const isRefused = async (bytes: Buffer): Promise<boolean> => {
    await writeFile(changed, bytes);
    return verifyBundleFile(changed, { trusted }).then(
      () => false,
      () => true,
    );
  };
  for (let at = 0; at < original.length; at += 1) {
    const bytes = Buffer.from(original);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
    assert.ok(await isRefused(bytes), `byte ${at} flipped and accepted`);
  }
  await check(
    asyncProperty(
      nat(original.length - 1),
      uint8Array({ maxLength: 40 }),
      nat(40),
      async (at, inserted, removed) => {
        const rest = original.subarray(at + removed);
        const bytes = Buffer.concat([original.subarray(0, at), inserted, rest]);
        return bytes.equals(original) || isRefused(bytes);
      },
    ),
    { numRuns: 500 },
  );
});

test("a signature by a key that is not trusted is refused", async () => {
  const file = await pack();
  const stranger = trustKeys([readPublicKey(createKeyPair().publicPem)]);
  await assert.rejects(verifyBundleFile(file, { trusted: stranger }), /BUNDLE_UNTRUSTED/);
  await assert.rejects(verifyBundleFile(file, { trusted: new Map() }), /no key is trusted/);
});

test("the signature of one bundle does not fit another", async () => {
  const manifest = await readFile(join(folder, "bundle-1", "manifest.json"));
  const other = Buffer.from(manifest.toString().replace("1.0.0", "9.0.0"));
  const directory = join(folder, "unsigned");
  await makeTinyBundle(directory, { version: "2.0.0" });
  const out = join(folder, "other.omp");
  await packBundle(directory, () => sign(other), out);
  await refuses(out, /BUNDLE_UNTRUSTED/);
});

for (const name of [
  "../evil",
  "/etc/passwd",
  "a/b",
  "..",
  ".hidden",
  "a\\b",
  "C:evil",
  "-rf",
  "",
]) {
  test(`a signed manifest that names the file ${JSON.stringify(name)} is refused`, async () => {
    const manifest = await readFile(join(folder, "bundle-1", "manifest.json"), "utf8");
    const spec = { sha256: "0".repeat(64), bytes: 1 };
    const parsed: { files: Record<string, unknown> } = JSON.parse(manifest);
    parsed.files[name] = spec;
    await refuses(await packByHand(JSON.stringify(parsed), Buffer.from("x")), /BUNDLE_INVALID/);
  });
}

for (const name of ["manifest.json", "signature.json", "Manifest.JSON", "GOLDEN.json"]) {
  test(`a signed manifest whose file ${name} would take another's place is refused`, async () => {
    const manifest = await readFile(join(folder, "bundle-1", "manifest.json"), "utf8");
    const parsed: { files: Record<string, unknown> } = JSON.parse(manifest);
    parsed.files[name] = { sha256: "0".repeat(64), bytes: 1 };
    await refuses(await packByHand(JSON.stringify(parsed), Buffer.from("x")), /BUNDLE_INVALID/);
  });
}

test("a signed manifest with a key twice is refused", async () => {
  const manifest = await readFile(join(folder, "bundle-1", "manifest.json"), "utf8");
  const twice = manifest.replace('"golden.json": {', '"golden.json": { "bytes": 1,');
  await refuses(await packByHand(twice, Buffer.alloc(0)), /BUNDLE_INVALID.*twice/);
});

test("too many files, too large ones and too long a head are refused before anything is read", async () => {
  const manifest = await readFile(join(folder, "bundle-1", "manifest.json"), "utf8");
  const many: { files: Record<string, unknown> } = JSON.parse(manifest);
  for (let i = 0; i < 64; i += 1) many.files[`f${i}`] = { sha256: "0".repeat(64), bytes: 1 };
  await refuses(await packByHand(JSON.stringify(many), Buffer.alloc(64)), /too many files/);
  const large: { files: Record<string, unknown> } = JSON.parse(manifest);
  large.files["large"] = { sha256: "0".repeat(64), bytes: 2 ** 40 };
  await refuses(await packByHand(JSON.stringify(large), Buffer.alloc(0)), /too large/);
  const long = Buffer.from(await readFile(await pack()));
  long.writeUInt32LE(0xffff_ffff, 12);
  await writeFile(join(folder, "long.omp"), long);
  await refuses(join(folder, "long.omp"), /too long a head/);
});

test("a file that changed since the export is not packed, and nothing is left of the try", async () => {
  const directory = join(folder, "damaged");
  await makeTinyBundle(directory);
  await writeFile(join(directory, "golden.json"), "{}");
  const out = join(folder, "damaged.omp");
  await assert.rejects(packBundle(directory, sign, out), /BUNDLE_HASH_MISMATCH/);
  assert.ok(!(await readdir(folder)).some((name) => name.startsWith("damaged.omp")));
});

test("unpacking never writes through a link or over a directory that is there", async () => {
  const file = await pack();
  const outside = join(folder, "outside");
  await makeTinyBundle(outside);
  const before = await readdir(outside);
  await symlink(outside, join(folder, "link"));
  await assert.rejects(unpackBundle(file, join(folder, "link"), { trusted }));
  await assert.rejects(unpackBundle(file, outside, { trusted }));
  assert.deepEqual(await readdir(outside), before);
});

test("a key that is no Ed25519 key is refused without quoting it", () => {
  assert.throws(
    () => readPrivateKey("-----BEGIN SECRET-----"),
    (error: Error) => {
      assert.match(error.message, /INVALID_ARGUMENT/);
      assert.doesNotMatch(error.message, /SECRET/);
      return true;
    },
  );
  assert.equal(createPrivateKey(pair.privatePem).asymmetricKeyType, "ed25519");
});
