import { loadPolicy } from "omp-edge/node";

const policy = await loadPolicy(process.argv[2] ?? "models/bundles/so101-push");
const chunk = await policy.act({
  "observation.state": [0, -0.3, 0.4, 1.47, 0, 0], // joint positions, rad
  "observation.environment_state": [0.17, 0.03, 0.19, -0.06], // puck x, y and goal x, y, m
});
console.log(`${chunk.horizon} actions in one evaluation of ${chunk.inferenceMs.toFixed(2)} ms`);
for (let row = 0; row < chunk.horizon; row += 1) {
  const action = chunk.rows.subarray(row * chunk.actionDim, (row + 1) * chunk.actionDim);
  console.log(Array.from(action, (value) => value.toFixed(3).padStart(7)).join(" "));
}
await policy.close();
