/** One `npm run proof -- NAME`: measures and returns figures by the names its issue gave them. Nothing is read from a stored result. */
export interface Proof {
  /** What it measures, one line. */
  readonly summary: string;
  /** @param say one line of progress for a person */
  measure(say: (line: string) => void): Promise<Readonly<Record<string, number>>>;
  /** What the figures miss, one line each; empty when the proof holds. */
  judge(figures: Readonly<Record<string, number>>): readonly string[];
}
