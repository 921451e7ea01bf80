/** Figures by the names their issue gave them, one level deep at most. */
export type Figures = Readonly<Record<string, number | Readonly<Record<string, number>>>>;

/** One `npm run proof -- NAME`: measures and returns figures. Nothing is read from a stored result. */
export interface Proof {
  /** What it measures, one line. */
  readonly summary: string;
  /** @param say one line of progress for a person */
  measure(say: (line: string) => void): Promise<Figures>;
  /** What the figures miss, one line each; empty when the proof holds. */
  judge(figures: Figures): readonly string[];
}

/** A part of a proof; its figures are joined with those of the others. */
export interface ProofPart {
  readonly title: string;
  measure(say: (line: string) => void): Promise<Figures>;
  /** What must hold, in words. */
  rules(is: (name: string) => number): readonly (readonly [boolean, string])[];
}

/** A figure by its name, or by its group's name and its own; NaN, which fails every comparison, where there is none. */
export function figure(figures: Figures, name: string, member?: string): number {
  const value = figures[name];
  const found = member === undefined || typeof value !== "object" ? value : value[member];
  return typeof found === "number" ? found : Number.NaN;
}
