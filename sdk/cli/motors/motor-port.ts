import { openSerialTransport } from "../../../firmware-bridge/src/serial.ts";
import { ServoBus, servoModels } from "../../../firmware-bridge/src/servo/index.ts";
import { SimulatedSo101 } from "../../../firmware-bridge/src/testing/index.ts";
import type { OpenTransport } from "../../../firmware-bridge/src/transport/transport.ts";
import type { Clock } from "../../src/clock.ts";
import { ErrorCode, OmpError } from "../../src/errors.ts";
import type { MotorOptions } from "./motor-options.ts";

/** The bus a motors command works on. */
export interface MotorPort {
  readonly clock: Clock;
  readonly openTransport: OpenTransport;
  /** There when nothing is real. */
  readonly simulated: SimulatedSo101 | undefined;
}

/** @param hasTorque of a simulated arm */
export function motorPort(
  { port, family, baudRate }: MotorOptions,
  clock: Clock,
  hasTorque: boolean = false,
): MotorPort {
  if (port === undefined) {
    const simulated = new SimulatedSo101({ clock, family, hasTorque });
    return { clock, openTransport: simulated.bus.openTransport, simulated };
  }
  return {
    clock,
    openTransport: () => openSerialTransport({ clock, path: port, baudRate, stopBits: 1 }),
    simulated: undefined,
  };
}

/**
 * Opens the bus, lets `use` work on it and closes it.
 *
 * @throws {OmpError} LINK_OPEN_FAILED, and what `use` throws
 */
export async function withBus<T>(
  port: MotorPort,
  options: MotorOptions,
  use: (bus: ServoBus) => Promise<T>,
): Promise<T> {
  const format = servoModels.find(({ family }) => family === options.family)?.format;
  if (format === undefined) throw new OmpError(ErrorCode.Internal, { what: "no such family" });
  const transport = await port.openTransport();
  const { clock } = port;
  const { baudRate, latencyMs } = options;
  const bus = new ServoBus({ transport, clock, format, baudRate, latencyMs });
  try {
    await bus.detectEcho();
    return await use(bus);
  } finally {
    await bus.close();
  }
}
