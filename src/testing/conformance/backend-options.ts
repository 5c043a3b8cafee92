import { FAILURE_KINDS, type FailureKind, optionsOf, rules } from 'counterpoint'
import * as z from 'zod'
import { type RequestParts, requestParts } from '../call-backend.js'
import type { Pass } from './cases.js'

/** Options of `backendConformance`: requests that the backend can answer, and times. */
export interface BackendConformanceOptions {
  /** A request that succeeds. */
  readonly succeeds: RequestParts
  /** A request that fails. Without one, failures are not checked. */
  readonly fails?: RequestParts | undefined
  /** The expected kind of the failure of `fails`. Default: any. */
  readonly failsWith?: FailureKind | undefined
  /** A request that takes longer than `settleMs` unless it is aborted. Without one, aborts are checked only before and after an attempt. */
  readonly runsLong?: RequestParts | undefined
  /** The longest time for an answer, in milliseconds. Default 30,000. */
  readonly answerMs?: number | undefined
  /** The time after which a request is certainly running, in milliseconds. Default 20. */
  readonly startMs?: number | undefined
  /** The longest time between an abort and the end of the attempt, in milliseconds. Default 5,000, as `graceMs` of a pool. */
  readonly settleMs?: number | undefined
  /** Lets time pass. Default: waits in real time. */
  readonly pass?: Pass | undefined
}

/** The rule for {@link BackendConformanceOptions}. */
export const backendConformanceRule: z.ZodType = optionsOf({
  succeeds: requestParts,
  fails: requestParts.optional(),
  failsWith: z.enum(FAILURE_KINDS).optional(),
  runsLong: requestParts.optional(),
  answerMs: rules.nonNegative.optional(),
  startMs: rules.millis.optional(),
  settleMs: rules.nonNegative.optional(),
  pass: rules.fn.optional(),
})
