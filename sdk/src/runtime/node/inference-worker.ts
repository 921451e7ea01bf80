/**
 * Worker that owns one `OrtSession`. Loading is a message and its reply; from then on tensors cross on shared memory, and requests
 * and answers by `call-signal.ts`; only a failure is a message again.
 *
 * The worker ends by itself after a request to close. It must never be terminated: a native run that is cut off aborts the process.
 */
import { parentPort } from "node:worker_threads";

import { ErrorCode } from "../../errors.ts";
import type { TensorInfo } from "../inference-backend.ts";
import { answer, CallRequest, createSignalMemory, nextRequest } from "./call-signal.ts";
import { OrtSession } from "./ort-session.ts";
import { toSentError } from "./sent-error.ts";
import type { SharedTensors, WorkerReply, WorkerRequest } from "./worker-messages.ts";

async function load({ model, options }: WorkerRequest): Promise<void> {
  const session = new OrtSession(options);
  try {
    // The session's own memory is private: onnxruntime takes no tensor on shared memory.
    const { memory: _private, ...info } = await session.load(model);
    const memory: SharedTensors = {
      inputs: share(info.inputs),
      outputs: share(info.outputs),
      signal: createSignalMemory(),
    };
    reply({ kind: "loaded", info, memory });
    await serve(session, memory);
  } catch (error) {
    reply(failure(error));
  } finally {
    await session.close();
    parentPort?.close();
  }
}

/** Blocks the thread between two requests. */
async function serve(
  session: OrtSession,
  { inputs, outputs, signal }: SharedTensors,
): Promise<void> {
  while (nextRequest(signal) === CallRequest.Infer) {
    try {
      answer(signal, await session.infer(inputs, outputs));
    } catch (error) {
      reply(failure(error));
    }
  }
}

function share(infos: readonly TensorInfo[]): ReadonlyMap<string, Float32Array> {
  return new Map(
    infos.map(({ name, shape }) => {
      const size = shape.reduce((product, one) => product * one, 1);
      return [name, new Float32Array(new SharedArrayBuffer(size * Float32Array.BYTES_PER_ELEMENT))];
    }),
  );
}

function failure(error: unknown): WorkerReply {
  const what = "the inference worker failed";
  return { kind: "failed", error: toSentError(error, ErrorCode.BackendFailed, what) };
}

function reply(message: WorkerReply): void {
  parentPort?.postMessage(message);
}

parentPort?.once("message", (request: WorkerRequest) => {
  void load(request);
});
