import { type BundleReader, type InferenceBackend, loadBundle } from "omp-edge";

/** What a backend answers to the golden cases of a bundle; plain data, so that a page can hand it over. */
export interface GoldenOutputs {
  readonly runtime: string;
  readonly activeProvider: string;
  /** Of the bundle, physical units. */
  readonly tolerance: number;
  /** One row a case: the bundle's own answers. */
  readonly expected: readonly (readonly number[])[];
  readonly observed: readonly (readonly number[])[];
}

/** Runs in Node and, bundled, in a browser. Closes the backend. */
export async function goldenOutputs(
  reader: BundleReader,
  backend: InferenceBackend,
  variant: string,
): Promise<GoldenOutputs> {
  const { model, golden } = await loadBundle(reader, variant);
  const { runtime, activeProvider } = await backend.load(model);
  const observed: number[][] = [];
  for (const { inputs, output } of golden.cases) {
    const action = new Float32Array(output.length);
    await backend.infer(inputs, new Map([["action", action]]));
    observed.push([...action]);
  }
  await backend.close();
  return {
    runtime,
    activeProvider,
    tolerance: golden.tolerance,
    expected: golden.cases.map(({ output }) => Array.from(output)),
    observed,
  };
}

/** Largest absolute difference of one element; NaN when a value or a row is missing. */
export function largestDifference(
  a: readonly (readonly number[])[],
  b: readonly (readonly number[])[],
): number {
  if (a.length !== b.length || a.length === 0) return Number.NaN;
  const differences = a.flatMap((row, i) => {
    const other = b[i] ?? [];
    if (row.length !== other.length) return [Number.NaN];
    return row.map((value, k) => Math.abs(value - (other[k] ?? Number.NaN)));
  });
  return Math.max(...differences);
}
