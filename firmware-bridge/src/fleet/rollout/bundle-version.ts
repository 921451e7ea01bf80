import { ErrorCode, OmpError } from "../../../../sdk/src/errors.ts";

const pattern = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})$/;

/**
 * MAJOR.MINOR.PATCH by number.
 *
 * @returns above 0 when `a` is the higher one, 0 when they are equal
 * @throws {OmpError} BUNDLE_REFUSED for a version that is not written so
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)];
  for (const [i, number] of left.entries()) {
    const difference = number - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function parse(version: string): readonly number[] {
  const found = pattern.exec(version);
  if (found !== null) return found.slice(1).map(Number);
  throw new OmpError(ErrorCode.BundleRefused, {
    what: "a robot cannot tell whether this bundle_version is newer",
    observed: JSON.stringify(version),
    expected: "MAJOR.MINOR.PATCH",
  });
}
