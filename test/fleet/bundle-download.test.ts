import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";

import { downloadBundle } from "../../firmware-bridge/src/fleet/rollout/bundle-download.ts";
import { BundleServer } from "../../firmware-bridge/src/fleet/rollout/bundle-server.ts";

const folder = await mkdtemp(join(tmpdir(), "omp-download-"));
after(() => rm(folder, { recursive: true, force: true }));
const content = Buffer.from(
  Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) & 255),
);
const source = join(folder, "source");
await writeFile(source, content);
const quick = { maxBytes: 1_000_000, retryMs: 1 };
let files = 0;

function newFile(): string {
  files += 1;
  return join(folder, `file-${files}`);
}

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server: Server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/b`;
}

/** Answers ranges, but sends at most `blockBytes` of each answer before the line is cut. */
function cutting(blockBytes: number, starts: number[], etag: () => string): RequestListener {
  return (request, response) => {
    const range = /bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1];
    const isRange = range !== undefined && request.headers["if-range"] === etag();
    const start = isRange ? Number(range) : 0;
    starts.push(start);
    response.writeHead(isRange ? 206 : 200, {
      etag: etag(),
      "content-length": content.length - start,
      ...(isRange && {
        "content-range": `bytes ${start}-${content.length - 1}/${content.length}`,
      }),
    });
    const end = start + blockBytes;
    response.write(content.subarray(start, end), () => {
      if (end >= content.length) response.end();
      else setTimeout(() => response.destroy(), 50);
    });
  };
}

test("a line that is cut again and again costs what was on the wire", async (t) => {
  const starts: number[] = [];
  const url = await serve(
    t,
    cutting(40_000, starts, () => '"a"'),
  );
  const file = newFile();
  await downloadBundle({ ...quick, url, file });
  assert.deepEqual(await readFile(file), content);
  assert.ok(starts.length >= 8, `${starts.length} requests`);
  assert.deepEqual(
    starts,
    starts.toSorted((a, b) => a - b),
  );
  assert.ok((starts.at(-1) ?? 0) >= content.length - 40_000, starts.join());
});

test("a later process goes on with what is there, and fetches nothing that is complete", async () => {
  const server = await BundleServer.start();
  const url = server.add("a".repeat(64), source);
  const file = newFile();
  await downloadBundle({ ...quick, url, file });
  await writeFile(file, content.subarray(0, 123_456));
  const seen: number[] = [];
  await downloadBundle({ ...quick, url, file, onProgress: (bytes) => seen.push(bytes) });
  assert.deepEqual(await readFile(file), content);
  assert.ok((seen[0] ?? 0) > 123_456);
  await downloadBundle({ ...quick, url, file });
  assert.deepEqual(await readFile(file), content);
  await server.close();
});

test("content that changed on the server in between is fetched from its start", async (t) => {
  let version = 1;
  const starts: number[] = [];
  const inner = cutting(200_000, starts, () => `"${version}"`);
  const url = await serve(t, (request, response) => {
    inner(request, response);
    version = 2;
  });
  const file = newFile();
  await downloadBundle({ ...quick, url, file });
  assert.deepEqual(await readFile(file), content);
  assert.deepEqual(starts, [0, 0, 200_000]);
});

test("an answer that is announced or found too long is refused and not stored", async (t) => {
  const announced = await serve(t, (_, response) => {
    response.writeHead(200, { "content-length": 2_000_000 });
    response.write("x");
  });
  await assert.rejects(downloadBundle({ ...quick, url: announced, file: newFile() }), /too long/);
  const endless = await serve(t, (_, response) => {
    const timer = setInterval(() => response.write(Buffer.alloc(100_000)), 1);
    response.on("close", () => {
      clearInterval(timer);
    });
  });
  const file = newFile();
  await assert.rejects(
    downloadBundle({ ...quick, url: endless, file }),
    /BUNDLE_INVALID.*too long/,
  );
  assert.ok((await stat(file)).size <= quick.maxBytes);
});

test("a server that refuses, is silent or is not there is told from one that helps", async (t) => {
  const missing = await serve(t, (_, response) => response.writeHead(404).end());
  await assert.rejects(downloadBundle({ ...quick, url: missing, file: newFile() }), /status 404/);
  const redirecting = await serve(t, (_, response) => {
    response.writeHead(302, { location: "http://169.254.169.254/" }).end();
  });
  await assert.rejects(downloadBundle({ ...quick, url: redirecting, file: newFile() }), /302/);
  const silent = await serve(t, () => undefined);
  const once2 = { ...quick, maxAttempts: 2, silenceMs: 50 };
  await assert.rejects(downloadBundle({ ...once2, url: silent, file: newFile() }), /UNREADABLE/);
  const nobody = { ...once2, url: "http://127.0.0.1:1/b", file: newFile() };
  await assert.rejects(downloadBundle(nobody), /BUNDLE_UNREADABLE/);
  for (const url of ["file:///etc/passwd", "ftp://a/b", "b", ""]) {
    await assert.rejects(downloadBundle({ ...quick, url, file: newFile() }), /INVALID_ARGUMENT/);
  }
});
