import type { LinkCounters } from "../../sdk/src/actuator-link.ts";
import type { Clock } from "../../sdk/src/clock.ts";
import { OmpError } from "../../sdk/src/errors.ts";
import { ClockSync } from "./protocol/clock-sync.ts";
import {
  AckCode,
  Feature,
  MessageType,
  ackName,
  helloRetryMs,
  leadingDelimiterSilenceMs,
  payloadBytes,
} from "./protocol/constants.ts";
import {
  createStateMessage,
  readAck,
  readEvent,
  readIdent,
  readState,
  readSyncReply,
  stateBytes,
  type Ack,
  type EventMessage,
  type Ident,
  type StateMessage,
  type SyncReply,
} from "./protocol/controller-messages.ts";
import { FrameDecoder, type FrameDecoderCounters } from "./protocol/frame-decoder.ts";
import { FrameEncoder } from "./protocol/frame-encoder.ts";
import { writeEventAck, writeHello, writeSync } from "./protocol/host-messages.ts";
import type { Transport } from "./transport/transport.ts";

export interface SessionOptions {
  readonly clock: Clock;
  readonly transport: Transport;
  /** How long an ACK may take, ms. */
  readonly ackTimeoutMs: number;
  /** A controller that sends no valid frame for this long is given up, ms. */
  readonly silenceTimeoutMs: number;
  readonly decoderCounters: FrameDecoderCounters;
  /** `framesSent`, `framesAcked`, `framesRejected`, `framesDropped` and `framesMalformed` are counted here. */
  readonly counters: LinkCounters;
}

export interface SessionListener {
  /** The message is overwritten by the next one. */
  stateReceived(state: Readonly<StateMessage>): void;
  /** Every ACK, also of requests. Overwritten by the next one. */
  acknowledged(ack: Readonly<Ack>): void;
  /** Each event once; it was acknowledged. Left out, the controller is asked for none and keeps them for the next host. */
  eventReceived?(event: Readonly<EventMessage>): void;
  /** Nothing more can be sent or received. */
  ended(reason: string): void;
}

interface PendingRequest {
  readonly type: number;
  readonly cancelTimeout: () => void;
  readonly settle: (outcome: OmpError | { code: number; mode: number }) => void;
}

interface PendingFrame {
  readonly type: number;
  readonly take: (payload: DataView | undefined) => void;
}

const syncPeriodMs = 250;
const syncTimeoutMs = 250;

/**
 * One session with one controller over one transport: sequence numbers, seed, requests and their answers, clock probes, and the end
 * when the controller falls silent or was reset. The handshake (`handshake.ts`) brings it up; it never comes back after `ended`.
 */
export class Session {
  /** The payload to fill before `post` or `request`. */
  readonly payload: DataView;
  readonly sessionId: number = createSessionId();
  readonly #clock: Clock;
  readonly #transport: Transport;
  readonly #options: SessionOptions;
  readonly #listener: SessionListener;
  readonly #counters: LinkCounters;
  readonly #encoder = new FrameEncoder();
  readonly #decoder: FrameDecoder;
  readonly #requests = new Map<number, PendingRequest>();
  readonly #ack: Ack = { seq: 0, type: 0, code: 0, mode: 0, freeWaypoints: 0, chunkId: 0 };
  readonly #syncReply: SyncReply = { echo: 0, rxTick: 0, rxSubUs: 0, txSubUs: 0, txTick: 0 };
  #state: StateMessage = createStateMessage(0);
  #clockSync = new ClockSync(1000);
  #ident: Ident | undefined;
  #awaited: PendingFrame | undefined;
  #seq = 0;
  #seed = 0;
  #lastEventId = 0;
  #syncEcho = 0;
  #syncSentAtMs = 0;
  #lastWriteAtMs = Number.NEGATIVE_INFINITY;
  #lastFrameAtMs = Number.NEGATIVE_INFINITY;
  #hasEnded = false;
  #cancelTimer: () => void = () => {};

  constructor(options: SessionOptions, listener: SessionListener) {
    this.#options = options;
    this.#clock = options.clock;
    this.#transport = options.transport;
    this.#listener = listener;
    this.#counters = options.counters;
    this.payload = this.#encoder.payload;
    this.#decoder = new FrameDecoder(this.#takeFrame, options.decoderCounters);
    this.#transport.onData((bytes) => {
      this.#decoder.push(bytes);
    });
    this.#transport.onClose((reason) => {
      this.#end(reason);
    });
  }

  get clockSync(): ClockSync {
    return this.#clockSync;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** From here on frames carry the session's seed, STATE is read and silence ends the session. */
  begin(ident: Ident): void {
    this.#ident = ident;
    this.#adoptSeed(ident);
    this.#clockSync = new ClockSync(ident.tickHz);
    this.#state = createStateMessage(ident.jointCount);
    this.#lastFrameAtMs = this.#clock.nowMs();
    this.#keepAlive();
  }

  /**
   * Sends a frame whose payload was filled.
   *
   * @returns its sequence number, or -1 when the transport refused it. A refused frame uses up no number.
   */
  post(type: number, length: number): number {
    if (this.#hasEnded) return -1;
    const nowMs = this.#clock.nowMs();
    const end = this.#encoder.finish(type, this.#seq, length, this.#seed);
    const isAfterSilence = nowMs - this.#lastWriteAtMs > leadingDelimiterSilenceMs;
    if (!this.#transport.write(this.#encoder.bytes, isAfterSilence ? 0 : 1, end)) {
      this.#counters.framesDropped++;
      return -1;
    }
    this.#lastWriteAtMs = nowMs;
    this.#counters.framesSent++;
    const seq = this.#seq;
    this.#seq = (seq + 1) & 0xff;
    return seq;
  }

  /**
   * Sends a frame and waits for its ACK.
   *
   * @throws {OmpError} LINK_TIMEOUT, LINK_CLOSED
   */
  request(type: number, length: number, what: string): Promise<{ code: number; mode: number }> {
    const seq = this.post(type, length);
    if (seq < 0) return Promise.reject(this.#notSent(what));
    return new Promise((resolve, reject) => {
      const cancelTimeout = this.#clock.callAt(
        this.#clock.nowMs() + this.#options.ackTimeoutMs,
        () => {
          this.#settle(seq, timeoutError(what, this.#options.ackTimeoutMs));
        },
      );
      this.#requests.set(seq, {
        type,
        cancelTimeout,
        settle: (outcome) => {
          if (outcome instanceof OmpError) reject(outcome);
          else resolve(outcome);
        },
      });
    });
  }

  /** Sends HELLO; `awaitFrame(Ident)` gives the answer. */
  postHello(): void {
    const features = this.#listener.eventReceived === undefined ? 0 : Feature.Events;
    this.post(MessageType.Hello, writeHello(this.payload, this.sessionId, features));
  }

  /** Sends a clock probe; its answer goes to `clockSync` and to `awaitFrame(SyncReply)`. */
  postSync(): void {
    this.#syncEcho = (this.#syncEcho + 1) >>> 0;
    this.#syncSentAtMs = this.#clock.nowMs();
    this.post(MessageType.Sync, writeSync(this.payload, this.#syncEcho));
  }

  /** The next frame of `type`, copied, or undefined when none came in time. A second wait ends the first. */
  awaitFrame(type: number, timeoutMs: number = syncTimeoutMs): Promise<DataView | undefined> {
    return new Promise((resolve) => {
      const awaited: PendingFrame = {
        type,
        take: (payload) => {
          cancelTimeout();
          if (this.#awaited === awaited) this.#awaited = undefined;
          resolve(payload);
        },
      };
      const cancelTimeout = this.#clock.callAt(this.#clock.nowMs() + timeoutMs, () => {
        awaited.take(undefined);
      });
      this.#awaited?.take(undefined);
      this.#awaited = awaited;
      if (this.#hasEnded) awaited.take(undefined);
    });
  }

  /** Ends the session without a word to the controller. */
  stop(reason: string): void {
    this.#end(reason);
  }

  readonly #takeFrame = (type: number, _seq: number, payload: DataView, length: number): void => {
    if (this.#hasEnded) return;
    this.#lastFrameAtMs = this.#clock.nowMs();
    if (type === MessageType.State && length === stateBytes(this.#state.position.length)) {
      readState(payload, this.#state);
      this.#clockSync.unwrap(this.#state.tick);
      this.#listener.stateReceived(this.#state);
    } else if (type === MessageType.Ack && length === payloadBytes.ack) {
      readAck(payload, this.#ack);
      this.#takeAck(this.#ack);
    } else if (type === MessageType.SyncReply && length === payloadBytes.syncReply) {
      readSyncReply(payload, this.#syncReply);
      this.#takeSyncReply(this.#syncReply);
    } else if (type === MessageType.Ident && length === payloadBytes.ident) {
      this.#takeIdent(payload);
    } else if (type === MessageType.Event && length === payloadBytes.event) {
      this.#takeEvent(readEvent(payload));
    } else if (!isAnswer(type, length)) {
      this.#counters.framesMalformed++;
      return;
    }
    if (this.#awaited?.type === type) {
      this.#awaited.take(copyOf(payload, length));
    }
  };

  #takeAck(ack: Readonly<Ack>): void {
    if (ack.code === AckCode.Ok) this.#counters.framesAcked++;
    else this.#counters.framesRejected++;
    if (this.#requests.get(ack.seq)?.type === ack.type) {
      this.#settle(ack.seq, { code: ack.code, mode: ack.mode });
    }
    this.#listener.acknowledged(ack);
  }

  #takeSyncReply(reply: Readonly<SyncReply>): void {
    // An older probe's reply would be timed from the wrong start.
    if (reply.echo !== this.#syncEcho) return;
    this.#clockSync.addProbe(this.#syncSentAtMs, this.#clock.nowMs(), reply);
  }

  /** Acknowledged each time, because the acknowledgement may be lost; told once. */
  #takeEvent(event: Readonly<EventMessage>): void {
    this.post(MessageType.EventAck, writeEventAck(this.payload, event.eventId));
    if (event.eventId === this.#lastEventId) return;
    this.#lastEventId = event.eventId;
    this.#listener.eventReceived?.(event);
  }

  #takeIdent(payload: DataView): void {
    const ident = readIdent(payload);
    if (this.#ident === undefined) {
      if (ident.sessionId === this.sessionId) this.#adoptSeed(ident);
      return;
    }
    const { bootId } = ident;
    if (bootId === this.#ident.bootId) return;
    this.#end(
      `the controller was reset (boot id ${hex(this.#ident.bootId)} became ${hex(bootId)}); it forgot the session`,
    );
  }

  /** Already when IDENT arrives: what follows it may be in the same read. */
  #adoptSeed(ident: Readonly<Ident>): void {
    this.#seed = (ident.schemaHash ^ this.sessionId) >>> 0;
    this.#decoder.seed = this.#seed;
  }

  /** Probes the clock; when nothing comes back, asks with HELLO whether the controller is the one it was. */
  readonly #keepAlive = (): void => {
    if (this.#hasEnded) return;
    const silentMs = this.#clock.nowMs() - this.#lastFrameAtMs;
    if (silentMs > this.#options.silenceTimeoutMs) {
      this.#end(`the controller sent nothing for ${Math.round(silentMs)} ms`);
      return;
    }
    this.postSync();
    if (silentMs >= helloRetryMs) this.postHello();
    this.#cancelTimer = this.#clock.callAt(this.#clock.nowMs() + syncPeriodMs, this.#keepAlive);
  };

  #settle(seq: number, outcome: OmpError | { code: number; mode: number }): void {
    const request = this.#requests.get(seq);
    if (request === undefined) return;
    this.#requests.delete(seq);
    request.cancelTimeout();
    request.settle(outcome);
  }

  #notSent(what: string): OmpError {
    if (this.#hasEnded || !this.#transport.isOpen) return closedError(what, "the link is closed");
    return new OmpError("LINK_TIMEOUT", {
      what: `${what} was not sent: the transport is full`,
      next: "The controller does not read, or the line is slower than what is sent on it.",
    });
  }

  #end(reason: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#cancelTimer();
    for (const seq of this.#requests.keys()) {
      this.#settle(seq, closedError("the request was not answered", reason));
    }
    this.#awaited?.take(undefined);
    this.#listener.ended(reason);
  }
}

/** Random and not 0: nobody else's frames, nor ours of another session, pass the controller's CRC. */
function createSessionId(): number {
  const words = globalThis.crypto.getRandomValues(new Uint32Array(1));
  return words[0] || 1;
}

/** @throws {OmpError} LINK_REFUSED unless the controller answered OK */
export function requireOk(answer: { code: number }, what: string): void {
  if (answer.code === 0) return;
  throw new OmpError("LINK_REFUSED", {
    what: `the controller refused ${what}`,
    observed: ackName(answer.code),
    expected: "OK",
  });
}

export function faultedError(fault: string): OmpError {
  return new OmpError("LINK_REFUSED", {
    what: "the controller did not stay armed",
    observed: fault,
    next: "Call clearFault() and arm() again.",
  });
}

export function closedError(what: string, reason: string): OmpError {
  return new OmpError("LINK_CLOSED", {
    what,
    observed: reason,
    next: "Call connect() to start a new session.",
  });
}

function timeoutError(what: string, timeoutMs: number): OmpError {
  return new OmpError("LINK_TIMEOUT", {
    what: `${what} was not answered`,
    observed: `nothing for ${timeoutMs} ms`,
    next: "Check the cable, the baud rate and that the controller runs.",
  });
}

/** What `awaitFrame` reads. */
function isAnswer(type: number, length: number): boolean {
  if (type === MessageType.Description) return length === payloadBytes.description;
  return type === MessageType.Param && length === payloadBytes.param;
}

function copyOf(payload: DataView, length: number): DataView {
  const bytes = new Uint8Array(payload.buffer, payload.byteOffset, length).slice();
  return new DataView(bytes.buffer);
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}
