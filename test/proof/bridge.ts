import { ErrorCode, OmpError } from "../../sdk/src/errors.ts";
import { ptyFirmwareSkip } from "../conformance/pty-firmware.ts";
import { measureLeaseOverrun } from "../firmware/lease-overrun.ts";
import { mutateFrames } from "../firmware/mutated-frames.ts";
import { countGoldenPackets } from "../servo/golden-packets.ts";
import { streamChunks } from "./chunk-stream.ts";
import { figure, type Proof } from "./measurement.ts";
import { compareRoundTrips, soakUnplugs } from "./unplug-soak.ts";

const MUTATED_FRAMES = 1_000_000;
const STREAM_MINUTES = 10;
const UNPLUGS_PER_DRIVER = 100;
const ROUND_TRIP_ROUNDS = 6;

/** From bytes on a line to joints: what damaged bytes, stalled hosts, pulled cables and dead hosts do. About twenty minutes. */
export const bridge: Proof = {
  summary: "damaged frames, a stalled stream, pulled cables, expired leases, golden servo packets",

  async measure(say) {
    if (ptyFirmwareSkip !== undefined) {
      throw new OmpError(ErrorCode.ToolFailed, { what: `no proof: ${ptyFirmwareSkip}` });
    }
    const seed = Math.floor(Math.random() * 2 ** 31);
    say(`seed ${seed}: ${MUTATED_FRAMES} damaged frames through the C core and TypeScript`);
    const mutation = await mutateFrames(MUTATED_FRAMES, seed, say);
    say("leases that run out in every phase of a motion");
    const lease = await measureLeaseOverrun();
    const packets = countGoldenPackets();
    say("round trips of both serial drivers");
    const roundTripMs = await compareRoundTrips(ROUND_TRIP_ROUNDS);
    say(
      `${STREAM_MINUTES} minutes of chunks, 16 waypoints at 50 Hz, this thread blocked for up to 60 ms`,
    );
    const stream = await streamChunks(STREAM_MINUTES * 60_000, seed, say);
    const soaks = [
      await soakUnplugs(say, { cycles: UNPLUGS_PER_DRIVER, seed, driver: "linux-tty" }),
      await soakUnplugs(say, { cycles: UNPLUGS_PER_DRIVER, seed, driver: "serialport" }),
    ];
    const total = (count: (soak: (typeof soaks)[number]) => number): number =>
      soaks.reduce((sum, soak) => sum + count(soak), 0);
    return {
      mutated_frames: mutation.frames,
      accepted_altered: mutation.acceptedAltered,
      streamed_samples: stream.samples,
      stream_mismatches: stream.mismatches,
      unplugs: total((soak) => soak.unplugs),
      stale_bytes: total((soak) => soak.stale_bytes),
      stale_chunks: total((soak) => soak.stale_chunks),
      unexplained_motion: total((soak) => soak.unexplained_motion),
      crashes: total((soak) => soak.crashes),
      golden_packets_ok: packets.ok,
      golden_packets: packets.packets,
      lease_overrun_ticks_max: lease.overrunTicksMax,
      rtt_p50_ms: { ...roundTripMs },
    };
  },

  judge(figures) {
    const is = (name: string): number => figure(figures, name);
    const rules: readonly (readonly [boolean, string])[] = [
      [is("mutated_frames") >= MUTATED_FRAMES, `${MUTATED_FRAMES} damaged frames`],
      [is("accepted_altered") === 0, "no damaged frame taken for one that was sent"],
      [is("streamed_samples") >= STREAM_MINUTES * 59_000, `a path of ${STREAM_MINUTES} minutes`],
      [is("stream_mismatches") === 0, "an executed path equal to the reference"],
      [is("unplugs") === 2 * UNPLUGS_PER_DRIVER, `${2 * UNPLUGS_PER_DRIVER} pulled cables`],
      [is("stale_bytes") === 0, "no byte of before an unplug after it"],
      [is("stale_chunks") === 0, "no chunk of before an unplug committed after it"],
      [is("unexplained_motion") === 0, "no motion that no admitted chunk explains"],
      [is("crashes") === 0, "no crash"],
      [is("golden_packets") > 0, "golden servo packets"],
      [is("golden_packets_ok") === is("golden_packets"), "every golden servo packet"],
      [is("lease_overrun_ticks_max") <= 2, "a brake within two ticks of the lease's end"],
      [figure(figures, "rtt_p50_ms", "serialport") > 0, "round trips over serialport"],
      [figure(figures, "rtt_p50_ms", "linux_tty") > 0, "round trips over linux-tty"],
    ];
    return rules.filter(([holds]) => !holds).map(([, rule]) => rule);
  },
};
