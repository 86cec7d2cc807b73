/** Errors: `ApiError` is thrown inside core and auth, `UserError` is what views show. */
import { type Key, t } from '../../i18n'
import type { ErrorBody } from './protocol'

/** An error to show: `message` is a sentence for the user, `field` the input it belongs to, if any. */
export interface UserError {
  code: string
  message: string
  field?: string
  /** The users whom the error is about, if it names any. */
  userIds?: string[]
}

/** What an action of the user resolves to: the error, or null on success. It never rejects. */
export type Result = Promise<UserError | null>

export class ApiError extends Error {
  constructor(
    readonly userError: UserError,
    /** The HTTP status; 0 if there was no response. */
    readonly status: number,
    readonly retryable: boolean,
    readonly details: Readonly<Record<string, unknown>> = {},
    /** The delay that the server asked for in `Retry-After`; 0 if none. */
    readonly retryAfterMs: number = 0,
  ) {
    super(userError.message)
  }
}

/** Messages for statuses whose own message is meant for developers, or missing. */
const MESSAGE_BY_STATUS: Readonly<Record<number, Key>> = {
  401: 'error.signedOut',
  403: 'error.forbidden',
  404: 'error.notFound',
  413: 'error.tooLarge',
  429: 'error.rateLimited',
}

/** Messages for reasons and codes that say more than the status. */
const MESSAGE_BY_REASON: Readonly<Record<string, Key>> = {
  blocked: 'error.blocked',
  suspended: 'error.suspended',
  group_additions: 'error.groupAdditions',
  strangers: 'error.strangers',
}

export const networkError = (): ApiError => new ApiError({ code: 'network', message: t('error.network') }, 0, true)

export const signedOutError = (): ApiError =>
  new ApiError({ code: 'signed_out', message: t('error.signedOut') }, 401, false)

/** Turn the server's phrase into a sentence. */
function toSentence(phrase: string): string {
  const sentence = phrase.charAt(0).toUpperCase() + phrase.slice(1)
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`
}

/** Return the error for an HTTP response; `body` is its parsed JSON, of any shape. */
export function errorFromResponse(status: number, body: unknown, retryAfter: string | null): ApiError {
  const error = isErrorBody(body) ? body.error : undefined
  const details = error?.details ?? {}
  const phrase = status === 400 || status === 409 ? error?.message : undefined
  const key = MESSAGE_BY_REASON[`${details.reason ?? error?.code}`] ?? MESSAGE_BY_STATUS[status]
  const message = key ? t(key, { max: Number(details.limit) }) : phrase ? toSentence(phrase) : t('error.server')
  const userError: UserError = { code: error?.code ?? `http_${status}`, message }
  if (typeof details.field === 'string') userError.field = details.field
  if (Array.isArray(details.user_ids)) userError.userIds = details.user_ids.map(String)
  const seconds = Number(retryAfter ?? 0)
  return new ApiError(
    userError,
    status,
    error?.retryable ?? (status >= 500 || status === 429),
    details,
    Number.isFinite(seconds) ? seconds * 1000 : 0,
  )
}

export function toUserError(error: unknown): UserError {
  if (error instanceof ApiError) return error.userError
  return { code: 'unexpected', message: t('error.unexpected') }
}

/** Run `action` and return its error, or null. */
export async function toResult(action: () => Promise<unknown>): Promise<UserError | null> {
  try {
    await action()
    return null
  } catch (error) {
    return toUserError(error)
  }
}

function isErrorBody(body: unknown): body is ErrorBody {
  const error = (body as Partial<ErrorBody> | null)?.error
  return typeof error === 'object' && error !== null && typeof error.code === 'string'
}
