import { ControlThread } from "omp-edge/node";

const path = process.argv[2];
const thread = await ControlThread.open(new URL("./arm.js", import.meta.url), {
  data: path === undefined ? {} : { path },
});
thread.on("stateChanged", (state) => console.log(state, thread.fault?.detail ?? ""));
await thread.start();
for (let second = 0; second < 5; second += 1) {
  await new Promise((resolve) => setTimeout(resolve, 940));
  const endMs = performance.now() + 60;
  while (performance.now() < endMs); // The arm does not notice.
}
const { counters, tickLatenessMs } = thread.figures;
await thread.close();
console.log(thread.priority, `99 % of ticks within ${tickLatenessMs.quantileMs(0.99)} ms`);
console.log(counters);
