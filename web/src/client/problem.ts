/** Refusals of the HTTP API (RFC 9457) as errors with words for people. */

export interface Problem {
  /** Stable: the last part of the problem type's URI; empty when the server said nothing we understand. */
  kind: string
  title: string
  detail: string
}

export class ProblemError extends Error {
  constructor(
    readonly problem: Problem,
    readonly status: number,
  ) {
    super(problem.title || `HTTP ${String(status)}`)
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

export function parseProblem(body: unknown): Problem {
  const fields = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
  return {
    kind: text(fields.type).split('/').pop() ?? '',
    title: text(fields.title),
    detail: text(fields.detail),
  }
}

export async function problemFrom(response: Response): Promise<ProblemError> {
  const body: unknown = await response.json().catch(() => null)
  return new ProblemError(parseProblem(body), response.status)
}
