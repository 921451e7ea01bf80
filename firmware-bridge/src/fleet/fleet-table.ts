import type {
  BirthBody,
  BirthId,
  BundleBody,
  EventBody,
  FleetMessage,
  HeartbeatBody,
  MetricsBody,
  StateBody,
  StatusBody,
} from "./messages.ts";
import { SequenceSet } from "./sequence-set.ts";

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
  /** Outlives births: a robot that is off tells what it will run. */
  readonly bundle: BundleBody | undefined;
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
  bundle: BundleBody | undefined;
  events: EventBody[];
  restarts: number;
  reconnects: number;
  /** What came of each session, to tell copies. */
  readonly arrived: Readonly<Record<"event" | "result" | "history", Map<string, SequenceSet>>>;
}

export interface FleetTableOptions {
  /** Default 3000. */
  readonly staleAfterMs?: number;
  /** Robots beyond are refused, so that a flood of names has a bound; default 1024. */
  readonly maxRobots?: number;
}

const maxEvents = 16;
/** Processes of one robot whose copies are told. */
const maxSessions = 16;

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
    if (isOutdated(entry, message)) return false;
    switch (message.kind) {
      case "birth":
        return acceptBirth(entry, message.body, nowMs);
      case "event":
        return isNew(entry.arrived.event, message.body) && acceptEvent(entry, message.body);
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
      case "bundle":
        entry.bundle = message.body;
        break;
      case "result":
      case "history":
        return isNew(entry.arrived[message.kind], message.body);
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
      bundle: undefined,
      events: [],
      restarts: 0,
      reconnects: 0,
      arrived: { event: new Map(), result: new Map(), history: new Map() },
    };
    this.#entries.set(robotId, entry);
    return entry;
  }

  #record(entry: Entry, nowMs: number): RobotRecord {
    const { heardAtMs, status, arrived: _arrived, ...known } = entry;
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

/** True for a message of an earlier birth. What is kept until it is acknowledged may be older than that. */
function isOutdated(entry: Entry, { kind, body }: FleetMessage): boolean {
  if (entry.birth === undefined) return false;
  if (kind !== "heartbeat" && kind !== "state" && kind !== "metrics") return false;
  return !isSameBirth(entry.birth, body);
}

/** False for a copy. */
function isNew(
  sessions: Map<string, SequenceSet>,
  { sessionId, sequence }: { readonly sessionId: string; readonly sequence: number },
): boolean {
  let seen = sessions.get(sessionId);
  if (seen === undefined) {
    seen = new SequenceSet();
    sessions.set(sessionId, seen);
    for (const oldest of sessions.keys()) {
      if (sessions.size <= maxSessions) break;
      sessions.delete(oldest);
    }
  }
  return seen.add(sequence);
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
  }
  entry.birth = birth;
  entry.heartbeat = undefined;
  entry.heardAtMs = nowMs;
  return true;
}

function acceptEvent(entry: Entry, event: EventBody): true {
  entry.events.push(event);
  // Old ones may come late.
  entry.events.sort((a, b) => a.utcMs - b.utcMs || a.sequence - b.sequence);
  if (entry.events.length > maxEvents) entry.events.shift();
  return true;
}

function isSameBirth(a: BirthId, b: BirthId): boolean {
  return a.sessionId === b.sessionId && a.birthSequence === b.birthSequence;
}
