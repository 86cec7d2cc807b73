/** What can go wrong, in one shape: `Refusal` is thrown inside the core, `Problem` is what people read. */
import type { ErrorBody } from './protocol'

/** A refusal to show: `message` is a sentence for people, `field` names the input it belongs to, if one does. */
export interface UserError {
  code: string
  message: string
  field?: string
}
/** Verbs that people trigger answer what went wrong, or null when it worked. They never throw. */
export type Result = Promise<UserError | null>

export class ApiError extends Error {
  constructor(
    readonly problem: UserError,
    /** The HTTP status; 0 when no answer came at all. */
    readonly status: number,
    readonly retryable: boolean,
    readonly details: Readonly<Record<string, unknown>> = {},
    /** How long the server asked to wait, if it did. */
    readonly retryAfterMs: number = 0,
  ) {
    super(problem.message)
  }
}

/** Sentences for refusals whose own words are for programmers, or missing. */
const MESSAGE_BY_STATUS: Readonly<Record<number, string>> = {
  401: 'You are signed out. Please sign in again.',
  403: 'You are not allowed to do this.',
  404: 'This is not here, or not open to you.',
  413: 'This is too large to send.',
  429: 'That was too fast. Please wait a moment and try again.',
}

/** And for refusals whose reason or code says what stands in the way. */
const MESSAGE_BY_REASON: Readonly<Record<string, string>> = {
  blocked: 'One of you blocked the other.',
  suspended: 'Your account is suspended. Ask whoever runs this site.',
}

export const networkError = (): ApiError =>
  new ApiError({ code: 'network', message: 'No connection to the server. Check your network and try again.' }, 0, true)

export const signedOutError = (): ApiError =>
  new ApiError({ code: 'signed_out', message: 'You are signed out. Please sign in again.' }, 401, false)

/** The server speaks in phrases; people are shown sentences. */
function asSentence(phrase: string): string {
  const sentence = phrase.charAt(0).toUpperCase() + phrase.slice(1)
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`
}

/** The refusal that an HTTP answer means; `body` is whatever JSON came with it. */
export function errorFromResponse(status: number, body: unknown, retryAfter: string | null): ApiError {
  const error = isErrorBody(body) ? body.error : undefined
  const details = error?.details ?? {}
  const said = status === 400 || status === 409 ? error?.message : undefined
  const message = MESSAGE_BY_REASON[`${details.reason ?? error?.code}`] ?? MESSAGE_BY_STATUS[status] ?? (said && asSentence(said)) ?? 'The server could not do this right now. Please try again in a moment.'
  const problem: UserError = { code: error?.code ?? `http_${status}`, message }
  if (typeof details.field === 'string') problem.field = details.field
  const seconds = Number(retryAfter ?? 0)
  return new ApiError(
    problem,
    status,
    error?.retryable ?? (status >= 500 || status === 429),
    details,
    Number.isFinite(seconds) ? seconds * 1000 : 0,
  )
}

export function toUserError(error: unknown): UserError {
  if (error instanceof ApiError) return error.problem
  return { code: 'unexpected', message: 'Something went wrong here. Please try again.' }
}

/** Runs a verb that people triggered: answers its problem, or null. */
export async function toResult(verb: () => Promise<unknown>): Promise<UserError | null> {
  try {
    await verb()
    return null
  } catch (error) {
    return toUserError(error)
  }
}

function isErrorBody(body: unknown): body is ErrorBody {
  const error = (body as Partial<ErrorBody> | null)?.error
  return typeof error === 'object' && error !== null && typeof error.code === 'string'
}
