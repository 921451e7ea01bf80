import { createLinkCounters, type LinkDescription } from "../../sdk/src/actuator-link.ts";
import type { Clock } from "../../sdk/src/clock.ts";
import { OmpError } from "../../sdk/src/errors.ts";
import { shakeHands } from "./handshake.ts";
import { describeLink } from "./link-description.ts";
import { MessageType } from "./protocol/constants.ts";
import { createDecoderCounters } from "./protocol/frame-decoder.ts";
import { Session } from "./session.ts";
import type { OpenTransport } from "./transport/transport.ts";

export interface RoundTripOptions {
  readonly clock: Clock;
  readonly openTransport: OpenTransport;
  readonly probes: number;
  /** How long the first answer may take, ms. */
  readonly handshakeTimeoutMs: number;
}

export interface RoundTrip {
  readonly description: LinkDescription;
  /** From the write of a SYNC to its decoded answer, ms, in the order of the probes. */
  readonly samplesMs: readonly number[];
  readonly lost: number;
}

/**
 * Opens a line, starts a session and times clock probes. A controller in motion brakes, as with every new session.
 *
 * @throws {OmpError} LINK_OPEN_FAILED, LINK_HANDSHAKE_FAILED, LINK_MISMATCH, LINK_CLOSED
 */
export async function measureRoundTrip(options: RoundTripOptions): Promise<RoundTrip> {
  const { clock, openTransport, probes, handshakeTimeoutMs } = options;
  const transport = await openTransport();
  const ending = { reason: "" };
  const session = new Session(
    {
      clock,
      transport,
      ackTimeoutMs: 250,
      silenceTimeoutMs: 2000,
      counters: createLinkCounters(),
      decoderCounters: createDecoderCounters(),
    },
    {
      stateReceived: () => {},
      acknowledged: () => {},
      ended: (reason) => {
        ending.reason = reason;
      },
    },
  );
  try {
    const controller = await shakeHands(session, clock, handshakeTimeoutMs);
    const samplesMs: number[] = [];
    for (let probe = 0; probe < probes && !session.hasEnded; probe++) {
      const sentAtMs = clock.nowMs();
      session.postSync();
      const reply = await session.awaitFrame(MessageType.SyncReply);
      if (reply !== undefined) samplesMs.push(clock.nowMs() - sentAtMs);
    }
    if (session.hasEnded) {
      throw new OmpError("LINK_CLOSED", {
        what: "the line was lost while it was timed",
        observed: ending.reason,
      });
    }
    const description = describeLink(transport.name, controller);
    return { description, samplesMs, lost: probes - samplesMs.length };
  } finally {
    session.stop("timed");
    await transport.close();
  }
}

/**
 * The smallest sample that at least this share of all samples does not exceed; NaN of none.
 *
 * @param quantile 0 to 1
 */
export function quantileMs(samplesMs: readonly number[], quantile: number): number {
  const sorted = [...samplesMs].sort((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(quantile * sorted.length)) - 1] ?? Number.NaN;
}
