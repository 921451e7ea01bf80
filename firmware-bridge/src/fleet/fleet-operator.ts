import { randomUUID, type KeyObject } from "node:crypto";

import type { Clock } from "../../../sdk/src/clock.ts";
import { ErrorCode, OmpError } from "../../../sdk/src/errors.ts";
import { MonotonicClock } from "../../../sdk/src/runtime/node/monotonic-clock.ts";
import {
  type Command,
  type CommandRequest,
  type CommandResult,
  encodeCommand,
  signCommand,
} from "./command.ts";
import { FleetWatch, type FleetWatchOptions } from "./fleet-watch.ts";
import { checkRobotId } from "./topics.ts";

export interface FleetOperatorOptions extends FleetWatchOptions {
  /** 1 to 64 of A-Z a-z 0-9 . _ -; the name of the key where commands are signed. */
  readonly issuer: string;
  /** Ed25519; signs every command. */
  readonly privateKey?: KeyObject;
}

export interface SendOptions {
  /** Until when the robot may begin, ms from now, at most 60_000; default 5000. */
  readonly lifetimeMs?: number;
  /** How long to wait for the result, ms; default `lifetimeMs` plus 5000. Of `load_bundle` give more. */
  readonly timeoutMs?: number;
  /** Every `running` result. */
  readonly progress?: (result: CommandResult) => void;
}

interface Waiting {
  readonly robotId: string;
  readonly settle: (result: CommandResult) => void;
  readonly progress: ((result: CommandResult) => void) | undefined;
}

/** Watches a fleet and asks its robots to do something. */
export class FleetOperator {
  readonly watch: FleetWatch;
  readonly #issuer: string;
  readonly #privateKey: KeyObject | undefined;
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Waiting>();

  private constructor(watch: FleetWatch, options: FleetOperatorOptions, clock: Clock) {
    this.watch = watch;
    this.#issuer = options.issuer;
    this.#privateKey = options.privateKey;
    this.#clock = clock;
    watch.onMessage((message) => {
      if (message.kind === "result") this.#receive(message.robotId, message.body);
    });
  }

  /** @throws {OmpError} LINK_OPEN_FAILED, INVALID_ARGUMENT */
  static async connect(options: FleetOperatorOptions): Promise<FleetOperator> {
    checkRobotId(options.issuer);
    const clock = options.clock ?? new MonotonicClock();
    return new FleetOperator(await FleetWatch.connect({ ...options, clock }), options, clock);
  }

  /**
   * Asks once; the caller asks again when it wants to.
   *
   * @returns what became of it, `refused` and `failed` included
   * @throws {OmpError} LINK_REFUSED for a robot that is not online, so that nothing is known of its connection; a stop is sent all
   *   the same. LINK_TIMEOUT without a result in time, LINK_CLOSED without a broker
   */
  async send(
    robotId: string,
    request: CommandRequest,
    options: SendOptions = {},
  ): Promise<CommandResult> {
    checkRobotId(robotId);
    const { lifetimeMs = 5000, timeoutMs = lifetimeMs + 5000, progress } = options;
    const command = this.#command(robotId, request, lifetimeMs);
    const { promise, settle } = this.#result(command, timeoutMs);
    this.#waiting.set(command.id, { robotId, settle, progress });
    try {
      await this.watch.publishCommand(robotId, encodeCommand(command));
      return await promise;
    } finally {
      this.#waiting.delete(command.id);
    }
  }

  /** @throws {OmpError} as `send` */
  stop(robotId: string, timeoutMs: number = 5000): Promise<CommandResult> {
    return this.send(robotId, { kind: "stop", arguments: {} }, { timeoutMs });
  }

  async close(): Promise<void> {
    await this.watch.close();
  }

  #command(robotId: string, request: CommandRequest, lifetimeMs: number): Command {
    const robot = this.watch.robot(robotId);
    const newest = robot?.heartbeat ?? robot?.birth;
    const isKnown = robot?.birth !== undefined && newest !== undefined;
    if (request.kind !== "stop" && (!isKnown || robot.status === "offline")) {
      throw new OmpError(ErrorCode.LinkRefused, {
        what: `${robotId} cannot be asked for ${request.kind}`,
        observed: robot === undefined ? "nothing was heard of it" : robot.status,
        expected: "a robot that is online",
      });
    }
    const robotNowMs = (newest?.monotonicMs ?? 0) + (robot?.ageMs ?? 0);
    const command: Command = {
      ...request,
      id: randomUUID(),
      issuer: this.#issuer,
      robotId,
      nonce: robot?.birth?.commandNonce ?? "",
      expiresAtMs: robotNowMs + lifetimeMs,
      signature: undefined,
    };
    return this.#privateKey === undefined ? command : signCommand(command, this.#privateKey);
  }

  #result(
    { robotId, kind }: Command,
    timeoutMs: number,
  ): { readonly promise: Promise<CommandResult>; readonly settle: Waiting["settle"] } {
    const arrived: { settle?: Waiting["settle"] } = {};
    const promise = new Promise<CommandResult>((resolve, reject) => {
      const cancel = this.#clock.callAt(this.#clock.nowMs() + timeoutMs, () => {
        reject(noResult(robotId, kind, timeoutMs));
      });
      arrived.settle = (result) => {
        cancel();
        resolve(result);
      };
    });
    // The sending may fail first.
    promise.catch(() => {});
    return { promise, settle: (result) => arrived.settle?.(result) };
  }

  #receive(robotId: string, result: CommandResult): void {
    const waiting = this.#waiting.get(result.commandId);
    // A refused copy says nothing about the command.
    if (waiting?.robotId !== robotId || result.reason === "duplicate") return;
    if (result.outcome === "running") waiting.progress?.(result);
    else waiting.settle(result);
  }
}

function noResult(robotId: string, kind: string, timeoutMs: number): OmpError {
  return new OmpError(ErrorCode.LinkTimeout, {
    what: `${robotId} did not answer ${kind}`,
    observed: `no result within ${timeoutMs} ms`,
    expected: "a result",
    next: "Whether it was executed is not known; look at the robot.",
  });
}
