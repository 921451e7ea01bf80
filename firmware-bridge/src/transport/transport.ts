/**
 * An ordered stream of bytes to one controller and back. It carries frames and knows nothing of them, except that one `write` is
 * one frame.
 *
 * - An object lives as long as its port: once closed it stays closed, and what it still held is dropped. A reconnect opens a new
 *   object, so nothing that an old one held is delivered after it.
 * - What waits to be written is bounded in bytes and in age. Neither a peer that does not read nor a full thread pool blocks the
 *   caller, and reading goes on while writes wait.
 * - It reads from the start: a lost line is noticed without a data listener, and what arrives before one is set is dropped.
 * - Listeners are called from the event loop or from whoever drives the controller, never from inside `write`.
 *
 * What the line has taken is on its way: bytes in a peer's own buffer can arrive after a `close`, ahead of whatever a new object
 * writes. An unplug loses them.
 */
export interface Transport {
  /** For people: the port, topic or core it leads to. */
  readonly name: string;
  readonly isOpen: boolean;
  /** Bytes `write` would take now; 0 when closed. */
  readonly writableBytes: number;
  /** Writes that were taken and then dropped, for their age, by `discardPending` or because the line ended. */
  readonly writesDropped: number;
  /**
   * Copies `bytes[start, end)`, whole or not at all.
   *
   * @returns false when it was dropped: closed, or no room
   */
  write(bytes: Uint8Array, start: number, end: number): boolean;
  /** Drops what has not begun to leave, so that the next write goes first. */
  discardPending(): void;
  /** Sets the only listener. `bytes` is valid until it returns. */
  onData(listener: (bytes: Uint8Array) => void): void;
  /** Sets the only listener; called once, also after `close`. `reason` is for people. */
  onClose(listener: (reason: string) => void): void;
  /** Drops what was not written. Safe twice. */
  close(): Promise<void>;
}

/**
 * Opens a fresh transport.
 *
 * @throws {OmpError} LINK_OPEN_FAILED
 */
export type OpenTransport = () => Promise<Transport>;
