import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { repositoryPath } from "./repository.ts";

export interface TinyBundleOptions {
  /** Default "1.0.0". */
  readonly version?: string;
  /** The policy answers with the newest position + gain · noise; the vectors' bundle has 0.1. Default 0.0005. */
  readonly gain?: number;
  /** A further file of this size, for transport to have something to do. Default none. */
  readonly paddingBytes?: number;
  /** Changes the manifest's JSON before it is written. */
  readonly change?: (manifest: Record<string, unknown>) => void;
}

interface Golden {
  readonly cases: readonly {
    readonly inputs: Readonly<Record<string, { readonly data: readonly number[] }>>;
    readonly outputs: { fp32: readonly number[] };
  }[];
}

const vectors = repositoryPath("test/vectors/tiny-policy");
const STEPS = 2;
const JOINTS = 2;

/** A bundle for the two joints of test/vectors/tiny-policy, with golden outputs that are right for its gain. */
export async function makeTinyBundle(
  directory: string,
  { version = "1.0.0", gain = 0.0005, paddingBytes = 0, change }: TinyBundleOptions = {},
): Promise<void> {
  await mkdir(directory, { recursive: true });
  const model = withGain(await readFile(join(vectors, "policy.fp32.onnx")), gain);
  const golden: Golden = JSON.parse(await readFile(join(vectors, "golden.json"), "utf8"));
  for (const { inputs, outputs } of golden.cases) {
    const newest = inputs["observation.state"]?.data.slice((STEPS - 1) * JOINTS) ?? [];
    const noise = inputs["noise"]?.data ?? [];
    outputs.fp32 = noise.map((sample, i) => {
      const deviation = Math.fround(Math.fround(gain) * Math.fround(sample));
      return Math.fround(deviation + Math.fround(newest[i % JOINTS] ?? Number.NaN));
    });
  }
  const manifest: Record<string, unknown> = JSON.parse(
    await readFile(join(vectors, "manifest.json"), "utf8"),
  );
  const files = {
    "policy.fp32.onnx": model,
    "golden.json": Buffer.from(JSON.stringify(golden)),
    ...(paddingBytes > 0 && { padding: Buffer.alloc(paddingBytes, version) }),
  };
  manifest["bundle_version"] = version;
  manifest["files"] = Object.fromEntries(
    Object.entries(files).map(([name, content]) => [
      name,
      { sha256: createHash("sha256").update(content).digest("hex"), bytes: content.length },
    ]),
  );
  change?.(manifest);
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(directory, name), content);
  }
  await writeFile(join(directory, "manifest.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

/** The graph's only float constant, in place. */
function withGain(model: Buffer, gain: number): Buffer {
  const old = Buffer.alloc(4);
  old.writeFloatLE(0.1);
  const at = model.indexOf(old);
  if (at < 0 || model.indexOf(old, at + 1) >= 0) throw new Error("the tiny graph has changed");
  const changed = Buffer.from(model);
  changed.writeFloatLE(gain, at);
  return changed;
}
