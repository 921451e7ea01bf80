import { randomBytes } from "node:crypto";

import type { Clock } from "../../../sdk/src/clock.ts";
import type {
  Command,
  CommandKind,
  CommandResult,
  LoadBundleArguments,
  SetRateArguments,
} from "./command.ts";
import { CommandGate, type CommandRules, type Verdict } from "./command-gate.ts";

/**
 * What a robot does when it is asked. A handler that is left out means that the robot does not take that command. What a handler
 * throws is reported as `failed` with its message.
 */
export interface CommandHandlers {
  /** Latches an emergency stop; called from inside the message's arrival, so it must not wait. `ControlLoop.emergencyStop`. */
  readonly stop: () => void;
  readonly hold?: () => void | Promise<void>;
  /** Leave it out to forbid rearming from remote. */
  readonly rearm?: () => void | Promise<void>;
  /**
   * @param progress reports a `running` result, for people
   * @param command the command's id and issuer
   * @returns what was done, for people
   */
  readonly loadBundle?: (
    bundle: LoadBundleArguments,
    progress: (detail: string) => void,
    command: { readonly id: string; readonly issuer: string },
  ) => Promise<string>;
  readonly setRate?: (rate: SetRateArguments) => void;
}

export interface CommandReceiverOptions {
  readonly robotId: string;
  readonly handlers: CommandHandlers;
  readonly issuerKeys?: CommandRules["issuerKeys"];
  readonly clock: Clock;
  /** A result to be sent, once. */
  readonly report: (result: CommandResult) => void;
  /** A payload that names no command was refused. */
  readonly refusedUnread: (reason: string, detail: string) => void;
}

/** All start at 0. */
export interface CommandCounters {
  executed: number;
  refused: number;
  /** Refused ones that were not reported because too many came. */
  unreported: number;
}

/** Refusals reported a second in the long run, and at once. A flood must not fill the store. */
const reportsPerSecond = 5;
const reportBurst = 20;

/** Executes the commands of one robot and answers each. Nothing is kept for later: what cannot be done now is refused. */
export class CommandReceiver {
  readonly #options: CommandReceiverOptions;
  readonly #gate: CommandGate;
  readonly #counters: CommandCounters = { executed: 0, refused: 0, unreported: 0 };
  /** Kinds whose handler has not settled. */
  readonly #running = new Set<CommandKind>();
  #reportBudget = reportBurst;
  #budgetAtMs: number;

  constructor(options: CommandReceiverOptions) {
    this.#options = options;
    this.#budgetAtMs = options.clock.nowMs();
    const { handlers, robotId, issuerKeys } = options;
    const allowed = new Set<CommandKind>(["stop"]);
    if (handlers.hold !== undefined) allowed.add("hold");
    if (handlers.rearm !== undefined) allowed.add("rearm");
    if (handlers.loadBundle !== undefined) allowed.add("load_bundle");
    if (handlers.setRate !== undefined) allowed.add("set_rate");
    this.#gate = new CommandGate({ robotId, allowed, ...(issuerKeys && { issuerKeys }) });
  }

  get counters(): Readonly<CommandCounters> {
    return this.#counters;
  }

  /** @returns the nonce of the birth of a new connection */
  startConnection(): string {
    const nonce = randomBytes(16).toString("hex");
    this.#gate.startConnection(nonce);
    return nonce;
  }

  /** A message of the command topic. Never throws. */
  receive(payload: Uint8Array, isRetained: boolean): void {
    const verdict = this.#gate.judge(payload, isRetained, this.#options.clock.nowMs());
    if (!verdict.isAccepted) {
      this.#refuse(verdict);
      return;
    }
    const { command } = verdict;
    if (command.kind !== "stop" && this.#running.has(command.kind)) {
      const detail = `the ${command.kind} before is not done`;
      this.#refuse({ isAccepted: false, reason: "busy", detail, command });
      return;
    }
    void this.#execute(command);
  }

  async #execute(command: Command): Promise<void> {
    this.#counters.executed += 1;
    this.#running.add(command.kind);
    try {
      // Runs up to the first await at once: a stop waits for nothing.
      const detail = await this.#call(command);
      this.#report(command, { outcome: "done", reason: "", detail });
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      this.#report(command, { outcome: "failed", reason: "", detail });
    } finally {
      this.#running.delete(command.kind);
    }
  }

  async #call(command: Command): Promise<string> {
    const { handlers } = this.#options;
    switch (command.kind) {
      case "stop":
        handlers.stop();
        break;
      case "hold":
        await handlers.hold?.();
        break;
      case "rearm":
        await handlers.rearm?.();
        break;
      case "set_rate":
        handlers.setRate?.(command.arguments);
        break;
      case "load_bundle": {
        const progress = (detail: string): void => {
          this.#report(command, { outcome: "running", reason: "", detail });
        };
        return (await handlers.loadBundle?.(command.arguments, progress, command)) ?? "";
      }
    }
    return "";
  }

  #refuse(verdict: Verdict & { readonly isAccepted: false }): void {
    this.#counters.refused += 1;
    if (!this.#mayReport()) {
      this.#counters.unreported += 1;
      return;
    }
    const { command, reason, detail } = verdict;
    if (command === undefined) this.#options.refusedUnread(reason, detail);
    else this.#report(command, { outcome: "refused", reason, detail });
  }

  #report(command: Command, result: Pick<CommandResult, "outcome" | "reason" | "detail">): void {
    const { id, issuer, kind } = command;
    const detail = result.detail.slice(0, 1000);
    this.#options.report({ ...result, detail, commandId: id, issuer, command: kind });
  }

  #mayReport(): boolean {
    const nowMs = this.#options.clock.nowMs();
    const earned = ((nowMs - this.#budgetAtMs) / 1000) * reportsPerSecond;
    this.#reportBudget = Math.min(reportBurst, this.#reportBudget + earned);
    this.#budgetAtMs = nowMs;
    if (this.#reportBudget < 1) return false;
    this.#reportBudget -= 1;
    return true;
  }
}
