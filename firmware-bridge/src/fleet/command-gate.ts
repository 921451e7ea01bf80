import type { KeyObject } from "node:crypto";

import {
  type Command,
  type CommandKind,
  type CommandRefusal,
  hasValidSignature,
  maxCommandBytes,
  parseCommand,
} from "./command.ts";

/** What a robot lets through. */
export interface CommandRules {
  readonly robotId: string;
  /** Kinds beside `stop`, which is always allowed. */
  readonly allowed: ReadonlySet<CommandKind>;
  /** Ed25519 public keys by issuer. When given, every command but `stop` must be signed by one of them. */
  readonly issuerKeys?: ReadonlyMap<string, KeyObject>;
}

export type Verdict =
  | { readonly isAccepted: true; readonly command: Command }
  | {
      readonly isAccepted: false;
      readonly reason: CommandRefusal;
      /** For people. */
      readonly detail: string;
      /** Undefined when the payload could not be read. */
      readonly command: Command | undefined;
    };

/** A command may expire at most this far ahead, ms, which bounds what has to be remembered. */
export const maxCommandLifetimeMs: number = 60_000;
/** Commands of one connection that are remembered; when it is full, only stops are let through. */
const maxRemembered = 4096;
/** Stops carry no expiry to forget them by: the oldest id is forgotten. */
const maxRememberedStops = 1024;

/**
 * Decides which messages of the command topic are executed. Knows no broker.
 *
 * A command names the nonce of the robot's newest birth. The nonce is random and new on every connection, so whatever was recorded
 * or queued before a reconnect or a restart is refused, with nothing kept on disk. Within a connection, an expiry on the
 * robot's own monotonic clock and the ids seen refuse what is late and what comes twice.
 *
 * A stop needs neither nonce, expiry nor signature: one that arrives late stops a robot that could have gone on, one that is
 * refused may hurt somebody.
 */
export class CommandGate {
  readonly #rules: CommandRules;
  #nonce = "";
  /** When the id may be forgotten, on the robot's clock. */
  readonly #seen = new Map<string, number>();
  readonly #seenStops = new Set<string>();

  constructor(rules: CommandRules) {
    this.#rules = rules;
  }

  /** @param nonce of the birth that is about to be sent */
  startConnection(nonce: string): void {
    this.#nonce = nonce;
    this.#seen.clear();
  }

  /**
   * An accepted command counts as used: the same one again is a duplicate.
   *
   * @param nowMs the robot's monotonic clock
   */
  judge(payload: Uint8Array, isRetained: boolean, nowMs: number): Verdict {
    if (payload.length > maxCommandBytes) {
      const detail = `${payload.length} bytes, at most ${maxCommandBytes}`;
      return { isAccepted: false, reason: "too_large", detail, command: undefined };
    }
    let command: Command;
    try {
      command = parseCommand(payload);
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      return { isAccepted: false, reason: "malformed", detail, command: undefined };
    }
    const refusal = this.#refusal(command, isRetained, nowMs);
    if (refusal !== undefined) return { isAccepted: false, ...refusal, command };
    this.#remember(command);
    return { isAccepted: true, command };
  }

  #refusal(
    command: Command,
    isRetained: boolean,
    nowMs: number,
  ): { readonly reason: CommandRefusal; readonly detail: string } | undefined {
    if (isRetained) {
      return { reason: "retained", detail: "a broker kept it; nobody asked for it now" };
    }
    if (command.robotId !== this.#rules.robotId) {
      return { reason: "foreign", detail: `it is for ${command.robotId}` };
    }
    if (command.kind === "stop") {
      if (!this.#seenStops.has(command.id)) return undefined;
      return { reason: "duplicate", detail: "this stop was executed before" };
    }
    if (command.nonce !== this.#nonce) {
      return { reason: "stale_nonce", detail: "it is not of this connection" };
    }
    // Before the duplicates: a forger must learn nothing and change nothing.
    const unsigned = this.#signatureRefusal(command);
    if (unsigned !== undefined) return unsigned;
    if (this.#seen.has(command.id)) {
      return { reason: "duplicate", detail: "this command was executed before" };
    }
    const leftMs = command.expiresAtMs - nowMs;
    if (!(leftMs > 0)) {
      return { reason: "expired", detail: `${Math.round(-leftMs)} ms ago` };
    }
    if (leftMs > maxCommandLifetimeMs) {
      return { reason: "lifetime_too_long", detail: `at most ${maxCommandLifetimeMs} ms ahead` };
    }
    if (!this.#rules.allowed.has(command.kind)) {
      return { reason: "not_allowed", detail: `this robot takes no ${command.kind} from remote` };
    }
    this.#forget(nowMs);
    if (this.#seen.size >= maxRemembered) {
      return { reason: "busy", detail: `${maxRemembered} commands within their lifetime` };
    }
    return undefined;
  }

  #signatureRefusal(
    command: Command,
  ): { readonly reason: CommandRefusal; readonly detail: string } | undefined {
    const { issuerKeys } = this.#rules;
    if (issuerKeys === undefined) return undefined;
    if (command.signature === undefined) {
      return { reason: "not_signed", detail: "this robot takes signed commands only" };
    }
    const key = issuerKeys.get(command.issuer);
    if (key !== undefined && hasValidSignature(command, key)) return undefined;
    return { reason: "bad_signature", detail: "no key of this issuer made the signature" };
  }

  #remember(command: Command): void {
    if (command.kind !== "stop") {
      this.#seen.set(command.id, command.expiresAtMs);
      return;
    }
    this.#seenStops.add(command.id);
    if (this.#seenStops.size <= maxRememberedStops) return;
    for (const oldest of this.#seenStops) {
      this.#seenStops.delete(oldest);
      break;
    }
  }

  /** An expired command is refused for its expiry; its id need not be kept. Looks only when it would be full. */
  #forget(nowMs: number): void {
    if (this.#seen.size < maxRemembered) return;
    for (const [id, expiresAtMs] of this.#seen) if (expiresAtMs <= nowMs) this.#seen.delete(id);
  }
}
