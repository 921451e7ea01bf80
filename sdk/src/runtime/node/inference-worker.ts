/**
 * Worker that owns one `OrtSession`. Tensors cross on shared memory, requests and replies as messages, one at a time.
 *
 * The worker ends by itself after `close`. It must never be terminated: a native run that is cut off aborts the process.
 */
import { parentPort } from "node:worker_threads";

import { asOmpError, ErrorCode } from "../../errors.ts";
import type { TensorInfo, TensorMemory } from "../inference-backend.ts";
import { OrtSession } from "./ort-session.ts";
import type { WorkerReply, WorkerRequest } from "./worker-messages.ts";

const session: { backend?: OrtSession; memory?: TensorMemory } = {};

async function answer(request: WorkerRequest): Promise<WorkerReply> {
  if (request.kind === "load") {
    const backend = new OrtSession(request.options);
    session.backend = backend;
    // The session's own memory is private: onnxruntime takes no tensor on shared memory.
    const { memory: _private, ...info } = await backend.load(request.model);
    const memory = { inputs: share(info.inputs), outputs: share(info.outputs) };
    session.memory = memory;
    return { kind: "loaded", info, memory };
  }
  if (request.kind === "infer" && session.backend !== undefined && session.memory !== undefined) {
    const { inputs, outputs } = session.memory;
    return { kind: "inferred", ms: await session.backend.infer(inputs, outputs) };
  }
  await session.backend?.close();
  return { kind: "closed" };
}

function share(infos: readonly TensorInfo[]): ReadonlyMap<string, Float32Array> {
  return new Map(
    infos.map(({ name, shape }) => {
      const size = shape.reduce((product, one) => product * one, 1);
      return [name, new Float32Array(new SharedArrayBuffer(size * Float32Array.BYTES_PER_ELEMENT))];
    }),
  );
}

async function serve(request: WorkerRequest): Promise<void> {
  let reply: WorkerReply;
  try {
    reply = await answer(request);
  } catch (error) {
    const { code, report } = asOmpError(
      error,
      ErrorCode.BackendFailed,
      "the inference worker failed",
    );
    const { cause: _unsendable, ...sent } = report;
    reply = { kind: "failed", error: { code, report: sent } };
  }
  parentPort?.postMessage(reply);
  if (request.kind === "close") parentPort?.close();
}

parentPort?.on("message", (request: WorkerRequest) => {
  void serve(request);
});
