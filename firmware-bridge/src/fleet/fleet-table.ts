import type {
  BirthBody,
  BirthId,
  EventBody,
  FleetMessage,
  HeartbeatBody,
  MetricsBody,
  StateBody,
  StatusBody,
} from "./messages.ts";

/**
 * `online`: heartbeats arrive. `stale`: the broker believes in the robot, but no heartbeat arrived for longer than
 * `staleAfterMs`. `offline`: the robot said goodbye or the broker published its last will.
 */
export type RobotStatus = "online" | "stale" | "offline";

/** What is known of one robot. The bodies are those of its newest birth. */
export interface RobotRecord {
  readonly robotId: string;
  readonly status: RobotStatus;
  /** Of `offline`: "goodbye" or "connection_lost"; empty otherwise. */
  readonly offlineReason: string;
  /** Since the last heartbeat, or since the robot was first heard of when there was none, by the watcher's clock. */
  readonly ageMs: number;
  readonly birth: BirthBody | undefined;
  readonly heartbeat: HeartbeatBody | undefined;
  readonly state: StateBody | undefined;
  readonly metrics: MetricsBody | undefined;
  /** The newest ones, oldest first; at most 16. */
  readonly events: readonly EventBody[];
  /** New processes seen after the first one. */
  readonly restarts: number;
  /** New connections of the same process seen. */
  readonly reconnects: number;
}

interface Entry {
  readonly robotId: string;
  heardAtMs: number;
  birth: BirthBody | undefined;
  status: StatusBody | undefined;
  heartbeat: HeartbeatBody | undefined;
  state: StateBody | undefined;
  metrics: MetricsBody | undefined;
  events: EventBody[];
  restarts: number;
  reconnects: number;
}

export interface FleetTableOptions {
  /** Default 3000. */
  readonly staleAfterMs?: number;
  /** Robots beyond are refused, so that a flood of names has a bound; default 1024. */
  readonly maxRobots?: number;
}

const maxEvents = 16;

/** Robots by id, made of the messages they send. Knows no broker and no clock. */
export class FleetTable {
  readonly #entries = new Map<string, Entry>();
  readonly #staleAfterMs: number;
  readonly #maxRobots: number;

  constructor(options: FleetTableOptions = {}) {
    this.#staleAfterMs = options.staleAfterMs ?? 3000;
    this.#maxRobots = options.maxRobots ?? 1024;
  }

  /**
   * @param nowMs the watcher's clock
   * @returns false when the message changed nothing: a copy, a message of an earlier connection, one robot too many
   */
  accept(message: FleetMessage, nowMs: number): boolean {
    const entry = this.#entry(message.robotId, nowMs);
    if (entry === undefined) return false;
    if (message.kind !== "birth" && message.kind !== "status" && isOutdated(entry, message)) {
      return false;
    }
    switch (message.kind) {
      case "birth":
        return acceptBirth(entry, message.body, nowMs);
      case "event":
        return acceptEvent(entry, message.body);
      case "status":
        entry.status = message.body;
        break;
      case "heartbeat":
        entry.heardAtMs = nowMs;
        entry.heartbeat = message.body;
        break;
      case "state":
        entry.state = message.body;
        break;
      case "metrics":
        entry.metrics = message.body;
        break;
      case "result":
        break;
    }
    return true;
  }

  /** Sorted by id. */
  robots(nowMs: number): RobotRecord[] {
    return [...this.#entries.values()]
      .map((entry) => this.#record(entry, nowMs))
      .sort((a, b) => (a.robotId < b.robotId ? -1 : 1));
  }

  robot(robotId: string, nowMs: number): RobotRecord | undefined {
    const entry = this.#entries.get(robotId);
    return entry === undefined ? undefined : this.#record(entry, nowMs);
  }

  #entry(robotId: string, nowMs: number): Entry | undefined {
    const known = this.#entries.get(robotId);
    if (known !== undefined || this.#entries.size >= this.#maxRobots) return known;
    const entry: Entry = {
      robotId,
      heardAtMs: nowMs,
      birth: undefined,
      status: undefined,
      heartbeat: undefined,
      state: undefined,
      metrics: undefined,
      events: [],
      restarts: 0,
      reconnects: 0,
    };
    this.#entries.set(robotId, entry);
    return entry;
  }

  #record(entry: Entry, nowMs: number): RobotRecord {
    const { heardAtMs, status, ...known } = entry;
    const ageMs = Math.max(0, nowMs - heardAtMs);
    const isOffline = offline(entry);
    return {
      ...known,
      events: [...known.events],
      status: isOffline ? "offline" : ageMs > this.#staleAfterMs ? "stale" : "online",
      offlineReason: isOffline ? (status?.reason ?? "") : "",
      ageMs,
    };
  }
}

/**
 * True for a message of an earlier birth. An event is sent again on later connections until it is acknowledged, so its session is
 * enough.
 */
function isOutdated(entry: Entry, { kind, body }: FleetMessage): boolean {
  if (entry.birth === undefined) return false;
  if (kind === "event" || kind === "result") return entry.birth.sessionId !== body.sessionId;
  return !isSameBirth(entry.birth, body);
}

/**
 * A last will counts only against the connection that lodged it: it may arrive after the robot is back. A status may also
 * overtake the birth it belongs to.
 */
function offline({ birth, status }: Entry): boolean {
  if (status === undefined || status.online) return false;
  return birth === undefined || isSameBirth(birth, status);
}

function acceptBirth(entry: Entry, birth: BirthBody, nowMs: number): boolean {
  const previous = entry.birth;
  if (previous !== undefined && previous.sessionId === birth.sessionId) {
    if (birth.birthSequence <= previous.birthSequence) return false;
    entry.reconnects += 1;
  } else {
    if (previous !== undefined) entry.restarts += 1;
    entry.state = undefined;
    entry.metrics = undefined;
    entry.events = [];
  }
  entry.birth = birth;
  entry.heartbeat = undefined;
  entry.heardAtMs = nowMs;
  return true;
}

function acceptEvent(entry: Entry, event: EventBody): boolean {
  const newest = entry.events.at(-1);
  if (newest?.sessionId === event.sessionId && event.sequence <= newest.sequence) return false;
  entry.events.push(event);
  if (entry.events.length > maxEvents) entry.events.shift();
  return true;
}

function isSameBirth(a: BirthId, b: BirthId): boolean {
  return a.sessionId === b.sessionId && a.birthSequence === b.birthSequence;
}
