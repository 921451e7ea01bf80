/** Writes depth images of a ball that rolls over a table, 160 x 120, 16-bit mm, 30 a second, to standard output. */
import { writeSync } from "node:fs";

const width = 160;
const height = 120;
const depth = new Uint16Array(width * height);
let x = 0;
setInterval(() => {
  x = (x + 1) % width;
  for (let i = 0; i < depth.length; i += 1) {
    const across = (i % width) - x;
    const down = Math.floor(i / width) - height / 2;
    depth[i] = 800 - 5 * Math.sqrt(Math.max(0, 400 - across ** 2 - down ** 2));
  }
  const bytes = new Uint8Array(depth.buffer);
  for (let at = 0; at < bytes.length;) at += writeSync(1, bytes, at);
}, 1000 / 30);
