import { asOmpError, type ErrorCode, type ErrorReport, OmpError } from "../../errors.ts";

/** An `OmpError` on its way to another thread: without its cause, which need not be clonable. */
export interface SentError {
  readonly code: ErrorCode;
  readonly report: ErrorReport;
}

/** @param code, what for an error that is not ours */
export function toSentError(error: unknown, code: ErrorCode, what: string): SentError {
  const known = asOmpError(error, code, what);
  const { cause: _unsendable, ...report } = known.report;
  return { code: known.code, report };
}

export function fromSentError({ code, report }: SentError): OmpError {
  return new OmpError(code, report);
}
