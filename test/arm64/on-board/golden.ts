import { FileBundleReader, WorkerBackend } from "omp-edge/node";

import { goldenOutputs } from "../../support/golden-outputs.ts";

const [bundle = "", variant = ""] = process.argv.slice(2);
const reader = new FileBundleReader(bundle);
console.log(JSON.stringify(await goldenOutputs(reader, new WorkerBackend(), variant)));
