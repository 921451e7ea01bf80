import type { FindingLevel } from "../../../firmware-bridge/src/serial-ports/port-findings.ts";

/** What one check found, of a host or of a port. */
export interface Finding {
  /** One word, snake_case. */
  readonly check: string;
  readonly level: FindingLevel;
  /** For people, without a full stop. */
  readonly text: string;
  /** What to type, when there is something. */
  readonly fix?: string;
}

/** A finding as lines of text; the second one is what to type. */
export function findingLines({ check, level, text, fix }: Finding): string[] {
  const line = `  ${level.padEnd(8)} ${check.replaceAll("_", " ")}: ${text}`;
  return fix === undefined ? [line] : [line, `             ${fix}`];
}
