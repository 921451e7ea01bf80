import { userInfo } from "node:os";

import {
  measureRoundTrip,
  quantileMs,
  type RoundTrip,
} from "../../../firmware-bridge/src/round-trip.ts";
import {
  judgePort,
  type PortFinding,
} from "../../../firmware-bridge/src/serial-ports/port-findings.ts";
import { portHolders } from "../../../firmware-bridge/src/serial-ports/port-holders.ts";
import { serialConsoles } from "../../../firmware-bridge/src/serial-ports/serial-consoles.ts";
import {
  groupName,
  type SerialPortFacts,
} from "../../../firmware-bridge/src/serial-ports/serial-ports.ts";
import {
  openSerialTransport,
  type SerialDriver,
} from "../../../firmware-bridge/src/transport/serial-transport.ts";
import { OmpError } from "../../src/errors.ts";
import { MonotonicClock } from "../../src/runtime/node/monotonic-clock.ts";
import { type Finding, findingLines } from "./finding.ts";

/** What is known about one port. */
export interface SerialDiagnosis {
  readonly port: SerialPortFacts;
  readonly findings: readonly PortFinding[];
  /** Only of a port that was named, and only when it could be opened. */
  readonly roundTrip?: RoundTrip | OmpError;
}

export interface ProbeOptions {
  readonly baudRate: number;
  readonly driver: SerialDriver | undefined;
}

const probes = 200;
const handshakeTimeoutMs = 1500;

/** Looks at a port without opening it. */
export function diagnose(port: SerialPortFacts, baudRate: number): SerialDiagnosis {
  const { username, uid } = userInfo();
  const findings = judgePort({
    port,
    baudRate,
    holders: portHolders(port.path),
    user: { name: username, uid, gids: process.getgroups?.() ?? [] },
    group: port.access === undefined ? "" : groupName(port.access.gid),
    consoles: serialConsoles(port.device),
  });
  return { port, findings };
}

/** Looks at a port, opens it where that is allowed, and times a controller that answers HELLO. */
export async function diagnoseAndTime(
  port: SerialPortFacts,
  { baudRate, driver }: ProbeOptions,
): Promise<SerialDiagnosis> {
  const diagnosis = diagnose(port, baudRate);
  const isForbidden = diagnosis.findings.some(
    ({ check, level }) => check === "permission" && level === "problem",
  );
  if (isForbidden) return diagnosis;
  const clock = new MonotonicClock();
  const openTransport = (): ReturnType<typeof openSerialTransport> =>
    openSerialTransport({
      clock,
      path: port.byId ?? port.path,
      baudRate,
      ...(driver !== undefined && { driver }),
    });
  try {
    const roundTrip = await measureRoundTrip({ clock, openTransport, probes, handshakeTimeoutMs });
    return { ...diagnosis, roundTrip };
  } catch (error) {
    if (error instanceof OmpError) return { ...diagnosis, roundTrip: error };
    throw error;
  }
}

export function hasProblem({ findings, roundTrip }: SerialDiagnosis): boolean {
  return findings.some(({ level }) => level === "problem") || roundTrip instanceof OmpError;
}

/** A diagnosis as lines of text. */
export function diagnosisLines(diagnosis: SerialDiagnosis): string[] {
  const { port, findings, roundTrip } = diagnosis;
  const lines = [port.byId === undefined ? port.path : `${port.byId} → ${port.path}`];
  const what = identity(port);
  if (what !== "") lines.push(`  ${what}`);
  const roundTripFindings = roundTrip === undefined ? [] : [roundTripFinding(roundTrip)];
  return [...lines, ...[...findings, ...roundTripFindings].flatMap(findingLines)];
}

/** A diagnosis as JSON, snake_case; what is not known is null. */
export function diagnosisJson(diagnosis: SerialDiagnosis): Readonly<Record<string, unknown>> {
  const { port, findings, roundTrip } = diagnosis;
  return {
    path: port.path,
    by_id: port.byId ?? null,
    driver: port.driver ?? null,
    usb: port.usb === undefined ? null : usbJson(port.usb),
    latency_timer_ms: port.latencyTimerMs ?? null,
    findings: findings.map(({ check, level, text, fix }) => ({
      check,
      level,
      text,
      fix: fix ?? null,
    })),
    round_trip: roundTrip === undefined ? null : roundTripJson(roundTrip),
  };
}

function usbJson(usb: NonNullable<SerialPortFacts["usb"]>): Readonly<Record<string, unknown>> {
  return {
    vendor_id: usb.vendorId,
    product_id: usb.productId,
    manufacturer: usb.manufacturer ?? null,
    product: usb.product ?? null,
    serial: usb.serial ?? null,
  };
}

function roundTripJson(roundTrip: RoundTrip | OmpError): Readonly<Record<string, unknown>> {
  if (roundTrip instanceof OmpError) {
    return { error: roundTrip.code, message: roundTrip.message };
  }
  const { description, samplesMs, lost } = roundTrip;
  return {
    p50_ms: quantileMs(samplesMs, 0.5),
    p99_ms: quantileMs(samplesMs, 0.99),
    probes: samplesMs.length + lost,
    lost,
    joints: description.joints.map(({ name }) => name),
    firmware: description.firmware,
  };
}

/** "FTDI FT232R USB UART, 0403:6001, driver ftdi_sio" */
function identity({ usb, driver }: SerialPortFacts): string {
  const words: string[] = [];
  if (usb !== undefined) {
    words.push([usb.manufacturer, usb.product].filter((word) => word !== undefined).join(" "));
    words.push(`${usb.vendorId}:${usb.productId}`);
  }
  if (driver !== undefined) words.push(`driver ${driver}`);
  return words.filter((word) => word !== "").join(", ");
}

function roundTripFinding(roundTrip: RoundTrip | OmpError): Finding {
  const check = "round_trip";
  if (roundTrip instanceof OmpError) return { check, level: "problem", text: roundTrip.message };
  const { description, samplesMs, lost } = roundTrip;
  const text =
    `median ${milliseconds(samplesMs, 0.5)}, p99 ${milliseconds(samplesMs, 0.99)} of ${samplesMs.length} probes, ${lost} lost; ` +
    `${description.joints.length} joints, firmware ${description.firmware}`;
  return { check, level: "ok", text };
}

function milliseconds(samplesMs: readonly number[], quantile: number): string {
  return `${quantileMs(samplesMs, quantile).toFixed(2)} ms`;
}
