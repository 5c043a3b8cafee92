import type { FailureKind } from '../core/failure/failure.js'

/**
 * The failure kind of a word: a `code` or `type` of an error or of the provider's error in it, or the name of its class. It takes
 * precedence over the status: a 429 may be a rate limit or a quota, a 400 a prompt that is too long.
 */
export function kindOfWord(word: string): FailureKind | undefined {
  return KIND_OF_WORD.get(word)
}

/** The failure kind of an HTTP status; undefined for a status below 400 and for other numbers. */
export function kindOfStatus(status: number): FailureKind | undefined {
  const known = KIND_OF_STATUS.get(status)
  if (known !== undefined) return known
  // A server error may be temporary; a client error is not.
  if (status >= 500 && status < 600) return 'agent'
  return status >= 400 && status < 500 ? 'refused' : undefined
}

const KIND_OF_STATUS: ReadonlyMap<number, FailureKind> = new Map([
  [402, 'quota'],
  [408, 'timeout'],
  // A conflict or a replay may be temporary.
  [409, 'agent'],
  [425, 'agent'],
  [429, 'throttled'],
  [499, 'crashed'],
  // 502 and 521 to 524: a gateway that cannot reach its server, as 503 and 504.
  [502, 'overloaded'],
  [503, 'overloaded'],
  [504, 'overloaded'],
  [521, 'overloaded'],
  [522, 'overloaded'],
  [523, 'overloaded'],
  [524, 'overloaded'],
  [529, 'overloaded'],
])

/** Error codes of providers: OpenAI, Anthropic, Google (`status`), Mistral, AWS (`name`). */
const PROVIDERS: Partial<Record<FailureKind, readonly string[]>> = {
  throttled: [
    ...['rate_limit_exceeded', 'rate_limit_error', 'rate_limited', 'too_many_requests', 'RESOURCE_EXHAUSTED'],
    ...['ThrottlingException', 'Throttling', 'TooManyRequestsException', 'RequestLimitExceeded', 'SlowDown'],
  ],
  quota: [
    ...['insufficient_quota', 'quota_exceeded', 'billing_error', 'billing_hard_limit_reached', 'billing_not_active'],
    ...['usage_limit_reached', 'insufficient_credits', 'ServiceQuotaExceededException'],
  ],
  overloaded: [
    ...['overloaded_error', 'overloaded', 'server_overloaded', 'engine_overloaded', 'slow_down', 'timeout_error'],
    ...['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'ServiceUnavailableException', 'ModelNotReadyException'],
  ],
  // Too large for any attempt. Not `refused`: that may be a problem of the backend, and this is not.
  'bad-input': ['context_length_exceeded', 'string_above_max_length', 'request_too_large'],
  refused: [
    ...['invalid_api_key', 'authentication_error', 'permission_error', 'UNAUTHENTICATED', 'PERMISSION_DENIED'],
    ...['model_not_found', 'not_found_error', 'NOT_FOUND', 'content_filter', 'content_policy_violation'],
    ...['invalid_prompt', 'invalid_request_error', 'INVALID_ARGUMENT', 'AccessDeniedException', 'ValidationException'],
  ],
}

/** Error codes of the system, of Node's fetch (`UND_ERR_*`, in its `cause`) and of Bun's. */
const SYSTEM: Partial<Record<FailureKind, readonly string[]>> = {
  refused: [
    ...['ENOENT', 'EACCES', 'EPERM', 'ENOTDIR', 'ERR_INVALID_URL', 'CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ...['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ...['UNABLE_TO_GET_ISSUER_CERT_LOCALLY'],
  ],
  // The server is down or unreachable. A machine without network gets the same codes, so tasks must not die of them.
  overloaded: [
    ...['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM', 'ECONNREFUSED', 'ConnectionRefused', 'FailedToOpenSocket'],
    ...['EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'ENOTFOUND', 'EAI_AGAIN'],
  ],
  timeout: ['ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'],
  crashed: [
    ...['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ConnectionClosed', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_SOCKET_CLOSED'],
    ...['UND_ERR_SOCKET', 'UND_ERR_ABORTED', 'UND_ERR_CLOSED', 'UND_ERR_DESTROYED'],
  ],
  'incomplete-output': ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH'],
}

/** Names of error classes of the platform, the AI SDK, and the OpenAI and Anthropic SDKs. */
const CLASSES: Partial<Record<FailureKind, readonly string[]>> = {
  timeout: ['TimeoutError', 'APIConnectionTimeoutError'],
  'invalid-output': [
    ...['AI_NoObjectGeneratedError', 'AI_TypeValidationError', 'AI_JSONParseError', 'AI_InvalidResponseDataError'],
    ...['AI_InvalidToolInputError', 'AI_NoSuchToolError', 'AI_ToolCallRepairError'],
  ],
  'incomplete-output': ['AI_EmptyResponseBodyError', 'AI_NoContentGeneratedError', 'LengthFinishReasonError'],
  refused: [
    ...['AI_LoadAPIKeyError', 'AI_LoadSettingError', 'AI_NoSuchModelError', 'AI_NoSuchProviderError'],
    ...['AI_UnsupportedFunctionalityError', 'AI_UnsupportedModelVersionError', 'ContentFilterFinishReasonError'],
  ],
  'bad-input': [
    ...['AI_InvalidPromptError', 'AI_InvalidArgumentError', 'AI_InvalidDataContentError', 'AI_InvalidMessageRoleError'],
    ...['AI_MessageConversionError', 'AI_TooManyEmbeddingValuesForCallError'],
  ],
}

const KIND_OF_WORD: ReadonlyMap<string, FailureKind> = new Map(
  [PROVIDERS, SYSTEM, CLASSES].flatMap(table =>
    Object.entries(table).flatMap(([kind, words]) => words.map(word => [word, kind as FailureKind] as const)),
  ),
)
