import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { type InferenceBackend, isOmpError, type ModelSource } from "omp-edge";

import { repositoryPath } from "../support/repository.ts";

/** The model of the tiny bundle: action = newest observation + 0.1 * noise, two joints. */
const path = repositoryPath("test/vectors/tiny-policy/policy.fp32.onnx");

/** What every InferenceBackend does. `create` gives a backend that, loaded, evaluates the tiny model. */
export function inferenceBackendConformance(name: string, create: () => InferenceBackend): void {
  test(`${name}: loads, names its provider and the tensors, and evaluates`, async () => {
    const models: readonly ModelSource[] = [{ path }, { bytes: readFileSync(path) }];
    for (const model of models) {
      const backend = create();
      const info = await backend.load(model);
      assert.ok(info.activeProvider.length > 0 && info.runtime.length > 0);
      assert.deepEqual(
        info.inputs.map((input) => [input.name, [...input.shape]]),
        [
          ["observation.state", [1, 2, 2]],
          ["noise", [1, 8, 2]],
        ],
      );
      assert.deepEqual(
        info.outputs.map((output) => [output.name, [...output.shape]]),
        [["action", [1, 8, 2]]],
      );
      for (const offset of [0, 1, -2]) {
        assert.deepEqual(await evaluate(backend, offset), tinyAction(offset));
      }
      await backend.close();
    }
  });

  test(`${name}: takes one inference at a time and stays usable`, async () => {
    const backend = create();
    await backend.load({ path });
    const first = evaluate(backend, 0);
    await assert.rejects(evaluate(backend, 1), (error) => isOmpError(error, "INVALID_STATE"));
    assert.deepEqual(await first, tinyAction(0));
    assert.deepEqual(await evaluate(backend, 1), tinyAction(1));
    await backend.close();
  });

  test(`${name}: refuses to infer before load and after close; close is safe twice`, async () => {
    const backend = create();
    await assert.rejects(evaluate(backend, 0), (error) => isOmpError(error, "INVALID_STATE"));
    await backend.load({ path });
    const running = evaluate(backend, 0);
    await Promise.all([backend.close(), running]);
    assert.deepEqual(await running, tinyAction(0), "a running inference is waited for");
    await backend.close();
    await assert.rejects(evaluate(backend, 0), (error) => isOmpError(error, "INVALID_STATE"));
    await create().close();
  });

  test(`${name}: memory it hands out is read and written as any other`, async () => {
    const backend = create();
    const { memory } = await backend.load({ path });
    if (memory !== undefined) {
      for (const offset of [0, 1]) {
        for (const [key, values] of tinyInputs(offset)) memory.inputs.get(key)?.set(values);
        await backend.infer(memory.inputs, memory.outputs);
        assert.deepEqual(memory.outputs.get("action")?.slice(), tinyAction(offset));
      }
      assert.deepEqual(await evaluate(backend, 2), tinyAction(2));
    }
    await backend.close();
  });

  test(`${name}: being told that an inference follows changes no answer, also when none does`, async () => {
    const backend = create();
    backend.prepare?.();
    await backend.load({ path });
    for (const offset of [0, 1, 2]) {
      backend.prepare?.();
      const answer = evaluate(backend, offset);
      backend.prepare?.();
      assert.deepEqual(await answer, tinyAction(offset));
      backend.prepare?.();
      await new Promise((resolve) => setTimeout(resolve, offset));
    }
    await backend.close();
    backend.prepare?.();
  });

  test(`${name}: a buffer of the wrong length is named and nothing runs`, async () => {
    const backend = create();
    await backend.load({ path });
    const inputs = new Map([...tinyInputs(0), ["noise", new Float32Array(3)]]);
    await assert.rejects(
      backend.infer(inputs, new Map([["action", new Float32Array(16)]])),
      (error) => isOmpError(error, "BACKEND_FAILED") && /noise/.test(error.message),
    );
    assert.deepEqual(await evaluate(backend, 1), tinyAction(1));
    await backend.close();
  });
}

async function evaluate(backend: InferenceBackend, offset: number): Promise<Float32Array> {
  const action = new Float32Array(16);
  const ms = await backend.infer(tinyInputs(offset), new Map([["action", action]]));
  assert.ok(Number.isFinite(ms) && ms >= 0);
  return action;
}

function tinyInputs(offset: number): Map<string, Float32Array> {
  return new Map([
    ["observation.state", Float32Array.of(9, 9, offset, offset + 0.5)],
    ["noise", Float32Array.from({ length: 16 }, (_, i) => i - 8)],
  ]);
}

/** The model by hand, rounding to float32 after every operation as the runtime does. */
function tinyAction(offset: number): Float32Array {
  const gain = Math.fround(0.1);
  return Float32Array.from({ length: 16 }, (_, i) => {
    return Math.fround(gain * (i - 8)) + offset + (i % 2) * 0.5;
  });
}
