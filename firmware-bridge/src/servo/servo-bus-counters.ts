import { createPacketDecoderCounters, type PacketDecoderCounters } from "./packet-decoder.ts";

/** What went over a servo bus, and every way to lose a packet; all start at 0. */
export interface ServoBusCounters extends PacketDecoderCounters {
  packetsSent: number;
  /** Packets the transport did not take: closed or full. */
  writesRefused: number;
  /** Packets the transport took and then dropped, for their age; known when it closes. */
  writesDropped: number;
  /** Transactions that were tried again, whole or for one servo. */
  retries: number;
  /** Transactions in which a servo did not answer in time, or not in one piece. */
  timeouts: number;
  /** Whole packets that nobody waited for: late, of another servo, of another length. */
  unexpectedPackets: number;
  /** Packets of the host that came back although the adapter was not known to echo. */
  unexpectedEchoes: number;
  /** Transactions lost because the adapter's echo was not what was sent: noise, or somebody else talking. */
  echoErrors: number;
  /** Positions that were thrown away because no joint moves that fast. */
  implausibleReadings: number;
}

/** All counters at 0. */
export function createServoBusCounters(): ServoBusCounters {
  return {
    ...createPacketDecoderCounters(),
    packetsSent: 0,
    writesRefused: 0,
    writesDropped: 0,
    retries: 0,
    timeouts: 0,
    unexpectedPackets: 0,
    unexpectedEchoes: 0,
    echoErrors: 0,
    implausibleReadings: 0,
  };
}
