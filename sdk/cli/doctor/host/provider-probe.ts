/**
 * Program without arguments: the execution providers of onnxruntime-node, as a JSON array. With `PROVIDER BUNDLE`: what this provider
 * does with this bundle, as a JSON object.
 */
import { isOmpError } from "../../../src/errors.ts";
import { loadPolicy } from "../../../src/runtime/node/load-policy.ts";
import { OrtSession } from "../../../src/runtime/node/ort-session.ts";
import type { Provider } from "./providers.ts";

const RUNS = 50;

async function run(name: string, bundle: string): Promise<Provider> {
  const executionProviders = [name];
  try {
    // Loading checks the golden cases: a provider that computes something else is not usable.
    const policy = await loadPolicy(bundle, {
      executionProviders,
      backend: new OrtSession({ executionProviders }),
    });
    const { observations } = policy.manifest;
    const rest = Object.fromEntries(
      observations.map(({ key, size }) => [key, Array(size).fill(0)]),
    );
    for (let runs = 0; runs < RUNS; runs += 1) await policy.act(rest);
    const p50Ms = policy.inferenceMs.quantileMs(0.5);
    const { runtime } = policy.info;
    await policy.close();
    return { name, isUsable: true, runtime, p50Ms };
  } catch (error) {
    if (!isOmpError(error)) throw error;
    const reason = (error.report.observed ?? error.message).replace(`${name}: `, "");
    return { name, isUsable: false, reason: reason.replaceAll(/\s+/g, " ").trim() };
  }
}

const [name, bundle] = process.argv.slice(2);
if (name === undefined || bundle === undefined) {
  const { listSupportedBackends } = await import("onnxruntime-node");
  console.log(JSON.stringify(listSupportedBackends().map((backend) => backend.name)));
} else {
  console.log(JSON.stringify(await run(name, bundle)));
}
