import type {
  JointStateMessage,
  ObservationMessage,
  Recording,
  RecordedObservation,
  RecordingHeader,
} from "../../../sdk/src/recording/index.ts";

/** What the policy drove by itself, on its own grid, without a break. */
export interface RecordedEpisode {
  /** Host clock of the first frame, ms. */
  readonly beganAtMs: number;
  readonly frames: readonly Frame[];
}

export interface Frame {
  /** By key: the newest sample at the frame's time. */
  readonly observation: ReadonlyMap<string, readonly number[]>;
  /** What the joints were commanded to one step later. */
  readonly action: readonly number[];
}

interface Timeline {
  readonly observations: ReadonlyMap<string, readonly ObservationMessage[]>;
  readonly jointStates: readonly JointStateMessage[];
  /** When the loop ran, host clock, ms. */
  readonly runs: readonly (readonly [number, number])[];
}

/** An older sample ends an episode: nobody knows what the policy would have seen. In steps. */
const MAX_AGE_STEPS = 10;

/** The vector keys of a recording; pictures and clouds are not exported. */
export function vectorKeys({ observations }: RecordingHeader): readonly RecordedObservation[] {
  return observations.filter(({ shape }) => shape.length === 1);
}

/**
 * The episodes of a recording: every time in which the loop was `running`, sampled once a step of the policy from the first instant at
 * which all keys were there.
 */
export async function recordedEpisodes(recording: Recording): Promise<readonly RecordedEpisode[]> {
  const { header } = recording;
  const timeline = await readTimeline(recording);
  const keys = vectorKeys(header).map(({ key }) => key);
  return timeline.runs.flatMap(([from, to]) =>
    episodesWithin(timeline, keys, header.dtMs, from, to),
  );
}

async function readTimeline({ messages }: Recording): Promise<Timeline> {
  const observations = new Map<string, ObservationMessage[]>();
  const jointStates: JointStateMessage[] = [];
  const runs: [number, number][] = [];
  let firstMs = Number.POSITIVE_INFINITY;
  let lastMs = Number.NEGATIVE_INFINITY;
  let runningSince: number | undefined;
  let isFirstState = true;
  for await (const recorded of messages) {
    const { at_ms } = recorded.message;
    firstMs = Math.min(firstMs, at_ms);
    lastMs = Math.max(lastMs, at_ms);
    if (recorded.topic === "/joint_state") jointStates.push(recorded.message);
    else if (recorded.topic === "/log") {
      const { state, previous } = recorded.message;
      if (isFirstState && previous === "running") runningSince = firstMs;
      isFirstState = false;
      if (state === "running") runningSince ??= at_ms;
      else if (runningSince !== undefined) {
        runs.push([runningSince, at_ms]);
        runningSince = undefined;
      }
    } else if (recorded.topic !== "/trajectory") {
      const key = recorded.topic.slice(1);
      const samples = observations.get(key) ?? [];
      samples.push(recorded.message);
      observations.set(key, samples);
    }
  }
  if (runningSince !== undefined) runs.push([runningSince, lastMs]);
  for (const samples of [...observations.values(), jointStates]) {
    samples.sort((a, b) => a.at_ms - b.at_ms);
  }
  return { observations, jointStates, runs };
}

function episodesWithin(
  { observations, jointStates }: Timeline,
  keys: readonly string[],
  dtMs: number,
  fromMs: number,
  toMs: number,
): RecordedEpisode[] {
  const firsts = keys.map((key) => observations.get(key)?.[0]?.at_ms ?? Number.POSITIVE_INFINITY);
  const originMs = Math.max(fromMs, ...firsts);
  const episodes: RecordedEpisode[] = [];
  let frames: Frame[] = [];
  let beganAtMs = originMs;
  const end = (): void => {
    if (frames.length > 0) episodes.push({ beganAtMs, frames });
    frames = [];
  };
  for (let step = 0; originMs + (step + 1) * dtMs <= toMs; step += 1) {
    const atMs = originMs + step * dtMs;
    const observation = new Map<string, readonly number[]>();
    for (const key of keys) {
      const sample = newestAt(observations.get(key) ?? [], atMs);
      if (sample !== undefined && atMs - sample.at_ms <= MAX_AGE_STEPS * dtMs) {
        observation.set(key, sample.values);
      }
    }
    const action = commandAt(jointStates, atMs + dtMs, MAX_AGE_STEPS * dtMs);
    if (action === undefined || observation.size < keys.length) {
      end();
      continue;
    }
    if (frames.length === 0) beganAtMs = atMs;
    frames.push({ observation, action });
  }
  end();
  return episodes;
}

/** Index of the newest element at or before `atMs`, -1 when there is none. */
function indexAt(samples: readonly { readonly at_ms: number }[], atMs: number): number {
  let low = 0;
  let high = samples.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((samples[middle]?.at_ms ?? Number.NaN) <= atMs) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function newestAt<Sample extends { readonly at_ms: number }>(
  samples: readonly Sample[],
  atMs: number,
): Sample | undefined {
  return samples[indexAt(samples, atMs)];
}

/** Between the joint states around an instant, as the controller interpolates. */
function commandAt(
  states: readonly JointStateMessage[],
  atMs: number,
  maxGapMs: number,
): readonly number[] | undefined {
  const index = indexAt(states, atMs);
  const before = states[index];
  const after = states[index + 1];
  if (before === undefined || after === undefined) return undefined;
  if (after.at_ms - before.at_ms > maxGapMs) return undefined;
  const share = (atMs - before.at_ms) / (after.at_ms - before.at_ms);
  return before.command.map((from, j) => from + share * ((after.command[j] ?? from) - from));
}
