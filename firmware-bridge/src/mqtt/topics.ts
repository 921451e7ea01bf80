import { OmpError } from "../../../sdk/src/errors.ts";

/** Topics that carry the link protocol of one robot. */
export interface LinkTopics {
  /** Host to controller. */
  readonly down: string;
  /** Controller to host. */
  readonly up: string;
}

const robotIdPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * @param robotId 1 to 64 of A-Z a-z 0-9 . _ -, starting with a letter or digit
 * @throws {OmpError} INVALID_ARGUMENT for an id that could reach another robot's topics
 */
export function linkTopics(robotId: string): LinkTopics {
  if (!robotIdPattern.test(robotId)) {
    throw new OmpError("INVALID_ARGUMENT", {
      what: "robotId cannot be part of a topic",
      observed: JSON.stringify(robotId),
      expected: "1 to 64 of A-Z a-z 0-9 . _ -, starting with a letter or digit",
    });
  }
  return { down: `omp/v1/${robotId}/link/down`, up: `omp/v1/${robotId}/link/up` };
}
