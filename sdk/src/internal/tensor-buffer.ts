import { ErrorCode, OmpError } from "../errors.ts";
import type { TensorBuffers } from "../runtime/inference-backend.ts";

/** The buffer of `name`, which must hold `size` numbers; BACKEND_FAILED otherwise. */
export function tensorBuffer(buffers: TensorBuffers, name: string, size: number): Float32Array {
  const buffer = buffers.get(name);
  if (buffer?.length === size) return buffer;
  throw new OmpError(ErrorCode.BackendFailed, {
    what: `the buffer of ${name} does not fit the graph`,
    observed: buffer === undefined ? "no buffer" : `${buffer.length} numbers`,
    expected: `${size} numbers`,
  });
}
