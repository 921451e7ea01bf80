import { createServer, type Server } from "node:http";

import { asOmpError, ErrorCode } from "../../../sdk/src/errors.ts";
import type { BirthInfo, RobotMetrics, RobotVitals } from "./messages.ts";

/** What Prometheus is told of a robot. */
export interface PrometheusSample {
  readonly robotId: string;
  readonly birth: Pick<BirthInfo, "software" | "model" | "bundleId" | "bundleHash" | "firmware">;
  readonly isConnected: boolean;
  /** Undefined before there are any. */
  readonly metrics: (RobotMetrics & RobotVitals) | undefined;
}

type Labels = Readonly<Record<string, string>>;
type Value = readonly [labels: Labels, value: number];

interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge" | "summary";
  readonly help: string;
  readonly values: readonly Value[];
}

/** Prometheus text format 0.0.4: base units, one family a figure, `robot` as a label. What was not measured is left out. */
export function prometheusText(sample: PrometheusSample): string {
  return families(sample)
    .map(({ name, type, help, values }) => {
      const lines = values
        .filter(([, value]) => !Number.isNaN(value))
        .map(
          ([labels, value]) => `${name}${labelText({ robot: sample.robotId, ...labels })} ${value}`,
        );
      return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines, ""].join("\n");
    })
    .join("");
}

function families({ birth, isConnected, metrics }: PrometheusSample): Family[] {
  const { software, model, firmware } = birth;
  const bundle = { bundle_id: birth.bundleId, bundle_hash: birth.bundleHash };
  const always = [
    gauge("omp_robot_info", "What the robot is; always 1.", [
      [{ software, model, firmware, ...bundle }, 1],
    ]),
    gauge("omp_broker_connected", "1 while the MQTT broker is there.", [[{}, Number(isConnected)]]),
  ];
  if (metrics === undefined) return always;
  return [
    ...always,
    total("episodes", "Episodes that ended.", metrics.episodes),
    total("successes", "Episodes that succeeded.", metrics.successes),
    total("inferences", "Network evaluations.", metrics.inferences),
    total("frames_sent", "Frames sent to the motor controller.", metrics.framesSent),
    total("frames_acked", "Frames answered with OK.", metrics.framesAcked),
    total("frames_rejected", "Frames answered with a refusal.", metrics.framesRejected),
    total("faults", "Latched faults.", metrics.faults),
    total("commands_executed", "Remote commands executed.", metrics.commandsExecuted),
    total("commands_refused", "Remote commands refused.", metrics.commandsRefused),
    total("records_dropped", "Records given up for want of room.", metrics.recordsDropped),
    total("reconnects", "Connections to the broker after the first.", metrics.reconnects),
    quantiles("omp_inference_seconds", "Network evaluation.", [
      metrics.inferenceP50Ms,
      metrics.inferenceP99Ms,
    ]),
    quantiles("omp_tick_lateness_seconds", "How late a tick began.", [
      metrics.tickLatenessP50Ms,
      metrics.tickLatenessP99Ms,
    ]),
    gauge("omp_records_waiting", "Records the broker has not acknowledged.", [
      [{}, metrics.recordsWaiting],
    ]),
    gauge("omp_stored_bytes", "Bytes of records on the disk.", [[{}, metrics.storedBytes]]),
    gauge(
      "omp_board_temperature_celsius",
      "Thermal zones of the computer.",
      Object.entries(metrics.boardTemperatureC).map(([zone, celsius]) => [{ zone }, celsius]),
    ),
    gauge("omp_board_throttled", "1 while the computer is slowed down.", [
      [{}, Number(metrics.throttledBy !== "")],
    ]),
  ];
}

function total(name: string, help: string, value: number): Family {
  return { name: `omp_${name}_total`, type: "counter", help, values: [[{}, value]] };
}

function gauge(name: string, help: string, values: readonly Value[]): Family {
  return { name, type: "gauge", help, values };
}

function quantiles(name: string, help: string, [p50Ms, p99Ms]: readonly [number, number]): Family {
  const values: readonly Value[] = [
    [{ quantile: "0.5" }, p50Ms / 1000],
    [{ quantile: "0.99" }, p99Ms / 1000],
  ];
  return { name, type: "summary", help, values };
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => {
    const escaped = value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
    return `${name}="${escaped}"`;
  });
  return `{${pairs.join(",")}}`;
}

export interface PrometheusEndpointOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** Default "127.0.0.1": whoever reaches the address may read. */
  readonly host?: string;
  /** Asked at every scrape. */
  readonly sample: () => PrometheusSample;
}

/** `GET /metrics` for Prometheus. Off unless it is opened. */
export class PrometheusEndpoint {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @throws {OmpError} LINK_OPEN_FAILED when the port cannot be opened */
  static async open(options: PrometheusEndpointOptions): Promise<PrometheusEndpoint> {
    const { port, host = "127.0.0.1", sample } = options;
    const server = createServer((request, response) => {
      if (request.method !== "GET" || request.url !== "/metrics") {
        response.writeHead(404).end();
        return;
      }
      response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
      response.end(prometheusText(sample()));
    });
    server.maxConnections = 16;
    server.requestTimeout = 5000;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, host, resolve);
      });
    } catch (error) {
      throw asOmpError(
        error,
        ErrorCode.LinkOpenFailed,
        `Prometheus cannot be served on ${host}:${port}`,
      );
    }
    return new PrometheusEndpoint(server);
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
  }
}
