import { PacketDecoder } from "../../firmware-bridge/src/servo/packet-decoder.ts";
import { broadcastId } from "../../firmware-bridge/src/servo/packet-format.ts";
import { bytesOf, formatOf, hexOf, packetVectors, type PacketVector } from "./vectors.ts";

/** Documented packets that come out byte for byte and field for field. */
export function countGoldenPackets(): { readonly ok: number; readonly packets: number } {
  const ok = packetVectors.filter((vector) => {
    const isDecoded = decodedFields(vector).join("\n") === expectedFields(vector);
    return isDecoded && (isFastAnswer(vector) || encodedPacket(vector) === vector.packet);
  }).length;
  return { ok, packets: packetVectors.length };
}

/** The answer to a fast sync read: several servos write it together, nobody else can. */
export function isFastAnswer({ family, way, id }: PacketVector): boolean {
  return family === "dynamixel" && way === "servo" && id === broadcastId;
}

/** "id code params" of every packet found in the vector's bytes, and "garbage" for bytes of none. */
export function decodedFields(vector: PacketVector): string[] {
  const found: string[] = [];
  const decoder = new PacketDecoder(formatOf(vector.family), (packet) => {
    const code = vector.way === "host" ? packet.instruction : packet.error;
    found.push(`${packet.id} ${code} ${hexOf(packet.params)}`);
  });
  decoder.push(bytesOf(vector.packet));
  if (decoder.counters.garbageBytes > 0) found.push("garbage");
  return found;
}

export function expectedFields({ way, id, instruction, error, params }: PacketVector): string {
  return `${id} ${way === "host" ? instruction : error} ${params}`;
}

/** The bytes its fields give, in hexadecimal. */
export function encodedPacket(vector: PacketVector): string {
  const format = formatOf(vector.family);
  const out = new Uint8Array(format.maxPacketBytes);
  const params = bytesOf(vector.params);
  const length =
    vector.way === "host"
      ? format.writeInstruction(out, vector.id, vector.instruction ?? 0, params)
      : format.writeStatus(out, vector.id, vector.error ?? 0, params);
  return hexOf(out.subarray(0, length));
}
