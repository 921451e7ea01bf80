import { readFileSync } from "node:fs";

import { dynamixelFormat } from "../../firmware-bridge/src/servo/dynamixel/dynamixel-format.ts";
import { feetechFormat } from "../../firmware-bridge/src/servo/feetech/feetech-format.ts";
import type { PacketFormat } from "../../firmware-bridge/src/servo/packet-format.ts";
import { repositoryPath } from "../support/repository.ts";

/** One packet of servo-packets.json. */
export interface PacketVector {
  readonly family: PacketFormat["family"];
  readonly way: "host" | "servo";
  readonly name: string;
  /** A worked example of the maker's manual, or put together by hand from its field tables. */
  readonly source: "manual" | "layout";
  /** Hexadecimal with spaces, as on the wire. */
  readonly packet: string;
  readonly id: number;
  readonly instruction?: number;
  readonly error?: number;
  /** Without stuffing. */
  readonly params: string;
}

const document: { readonly packets: readonly PacketVector[] } = JSON.parse(
  readFileSync(repositoryPath("test", "vectors", "servo-packets.json"), "utf8"),
);

export const packetVectors: readonly PacketVector[] = document.packets;

/** The bytes of "FF FF 01". */
export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
}

/** "FF FF 01". */
export function hexOf(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0").toUpperCase()).join(" ");
}

export function formatOf(family: PacketVector["family"]): PacketFormat {
  return family === "feetech" ? feetechFormat : dynamixelFormat;
}

/** The packet with this name. */
export function packetNamed(family: PacketVector["family"], name: string): Uint8Array {
  const vector = packetVectors.find((one) => one.family === family && one.name === name);
  if (vector === undefined) throw new Error(`no vector ${family} "${name}"`);
  return bytesOf(vector.packet);
}
