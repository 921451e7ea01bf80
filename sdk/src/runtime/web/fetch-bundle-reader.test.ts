import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { after, before, test } from "node:test";

import { isOmpError } from "../../errors.ts";
import { FetchBundleReader } from "./fetch-bundle-reader.ts";

const content = Uint8Array.from({ length: 100_000 }, (_, i) => i * 31);

function answer({ url }: IncomingMessage, response: ServerResponse): void {
  if (url === "/bundle/policy.onnx") response.end(content);
  else if (url === "/bundle/cut.onnx") {
    response.writeHead(200, { "content-length": content.length });
    response.write(content.subarray(0, 1000), () => response.destroy());
  } else response.writeHead(404).end();
}

const server = createServer(answer);
let origin = "";

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  origin = `http://127.0.0.1:${address.port}`;
});

after(() => {
  server.closeAllConnections();
  server.close();
});

test("reads files of a folder, whether its URL ends in a slash or not, and hashes them", async () => {
  for (const url of [`${origin}/bundle`, `${origin}/bundle/`, new URL("/bundle?a=1", origin)]) {
    const reader = new FetchBundleReader(url);
    const bytes = await reader.read("policy.onnx");
    assert.deepEqual(bytes, content);
    const expected = createHash("sha256").update(content).digest("hex");
    assert.equal(await reader.sha256(bytes), expected);
    assert.equal(await reader.sha256(bytes.subarray(0, 0)), createHash("sha256").digest("hex"));
    assert.equal(reader.path(), undefined, "the checked bytes are the ones to run");
  }
});

test("a file that is missing, cut or unreachable is BUNDLE_UNREADABLE by its URL", async () => {
  const reader = new FetchBundleReader(`${origin}/bundle`);
  await assertUnreadable(reader, "other.onnx", /bundle\/other\.onnx.*404/);
  await assertUnreadable(reader, "cut.onnx", /bundle\/cut\.onnx/);
  await assertUnreadable(
    new FetchBundleReader("http://127.0.0.1:1/b"),
    "policy.onnx",
    /:1\/b\/policy\.onnx/,
  );
});

test("a path without a page to be relative to is INVALID_ARGUMENT", () => {
  assert.throws(
    () => new FetchBundleReader("bundles/so101-push"),
    (error) => isOmpError(error, "INVALID_ARGUMENT") && /absolute URL/.test(error.message),
  );
});

test("a given fetch is used", async () => {
  const seen: string[] = [];
  const reader = new FetchBundleReader(`${origin}/bundle`, {
    fetch: async (input, init) => {
      seen.push(input instanceof Request ? input.url : String(input));
      return fetch(input, init);
    },
  });
  await reader.read("policy.onnx");
  assert.deepEqual(seen, [`${origin}/bundle/policy.onnx`]);
});

async function assertUnreadable(
  reader: FetchBundleReader,
  file: string,
  message: RegExp,
): Promise<void> {
  await assert.rejects(
    reader.read(file),
    (error) => isOmpError(error, "BUNDLE_UNREADABLE") && message.test(error.message),
  );
}
