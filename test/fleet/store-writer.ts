import { DiskOutbox } from "../../firmware-bridge/src/fleet/store/disk-outbox.ts";

/** Fills a store as fast as the disk takes it and says after each flush what is durable; is killed from outside. */
const [folder = "", first = "0"] = process.argv.slice(2);
const outbox = await DiskOutbox.open({ folder });
for (let i = Number(first); ; i += 1) {
  outbox.push(
    { kind: "event", isDetail: i % 5 === 0, text: `event ${i} ${"x".repeat(i % 700)}` },
    false,
  );
  if (i % 7 !== 0) continue;
  await outbox.flush();
  process.stdout.write(`${i}\n`);
}
