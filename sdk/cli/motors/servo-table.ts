import {
  surveyServo,
  type ServoBus,
  type ServoSurvey,
} from "../../../firmware-bridge/src/servo/index.ts";
import { ErrorCode, OmpError } from "../../src/errors.ts";

/** One line a servo, with a heading. */
export function servoLines(surveys: readonly ServoSurvey[], joints?: readonly string[]): string[] {
  const rows = surveys.map((survey, i) => [
    String(survey.id),
    joints?.[i] ?? "",
    survey.model?.name ?? `model number ${survey.modelNumber}, not known`,
    torqueText(survey.hasTorque),
    survey.position === undefined ? "" : String(survey.position),
    survey.minPosition === undefined ? "" : `${survey.minPosition}…${survey.maxPosition}`,
    survey.homingOffset === undefined ? "" : String(survey.homingOffset),
    survey.voltage === undefined ? "" : `${survey.voltage.toFixed(1)} V`,
    survey.temperature === undefined ? "" : `${survey.temperature} °C`,
    (survey.conditions ?? []).map(({ name }) => name).join(", ") || "ok",
  ]);
  const names = joints === undefined ? "" : "joint";
  const heading = ["id", names, "servo", "torque", "position", "limits", "homing", "", "", "state"];
  return alignedLines([heading, ...rows]);
}

/** Columns as wide as their widest cell. */
export function alignedLines(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>(
    (widest, row) => row.map((cell, i) => Math.max(widest[i] ?? 0, cell.length)),
    [],
  );
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .filter((_, i) => (widths[i] ?? 0) > 0)
      .join("  ")
      .trimEnd(),
  );
}

/**
 * Asks every one of `ids`; all must answer and be known.
 *
 * @throws {OmpError} LINK_TIMEOUT, LINK_MISMATCH, LINK_CLOSED
 */
export async function surveyAll(
  bus: ServoBus,
  ids: readonly number[],
): Promise<(ServoSurvey & Required<Pick<ServoSurvey, "model">>)[]> {
  const surveys = [];
  for (const id of ids) {
    const survey = await surveyServo(bus, id);
    if (survey === undefined) {
      throw new OmpError(ErrorCode.LinkTimeout, {
        what: `servo ${id} does not answer`,
        next: "Check power, cable, id and baud rate; `omp motors scan` shows who answers.",
      });
    }
    const { model } = survey;
    if (model === undefined) {
      throw new OmpError(ErrorCode.LinkMismatch, {
        what: `servo ${id} is of a model that omp-edge does not know`,
        observed: `model number ${survey.modelNumber}`,
      });
    }
    surveys.push({ ...survey, model });
  }
  return surveys;
}

function torqueText(hasTorque: boolean | undefined): string {
  if (hasTorque === undefined) return "";
  return hasTorque ? "ON" : "off";
}
