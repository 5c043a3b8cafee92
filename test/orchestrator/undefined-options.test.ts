import {
  type AgentFunction,
  type Budget,
  type FailureFacts,
  FailureHandler,
  type FailureHandlerOptions,
  httpBackend,
  Orchestrator,
  type OrchestratorOptions,
  type PoolOptions,
  parsePlan,
  type ResumeOptions,
  type RunOptions,
  reply,
  TaskDistributor,
  TaskGraph,
  type TaskOptions,
  type TaskSpec,
} from 'counterpoint'
import { MockBackend, VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import type { Backoff } from '../../src/core/state/task.js'

/** Compiles only if every optional member accepts `undefined`, for hosts with `exactOptionalPropertyTypes`. */
type Undefined<T> = { [K in keyof T as undefined extends T[K] ? K : never]-?: undefined }

const budget: Undefined<Budget> = {
  costUsd: undefined,
  tokens: undefined,
  wallMs: undefined,
  soft: undefined,
  onSoft: undefined,
  onHard: undefined,
}
const backoff: Undefined<Backoff> = { baseMs: undefined, factor: undefined, maxMs: undefined }
const defaults: Undefined<
  Omit<TaskSpec, 'id' | 'description' | 'weight' | 'context' | 'input' | 'pool' | DependencyList>
> = {
  priority: undefined,
  retries: undefined,
  backoff: undefined,
  timeoutMs: undefined,
  idleTimeoutMs: undefined,
  queueTimeoutMs: undefined,
  totalTimeoutMs: undefined,
  durationMs: undefined,
  estimate: undefined,
  budget: undefined,
  replay: undefined,
  approval: undefined,
}
type DependencyList = 'after' | 'softAfter' | 'orderAfter' | 'triggerRule'

const pool: Omit<Undefined<PoolOptions>, 'backend' | 'defaults'> = {
  backends: undefined,
  concurrency: undefined,
  requests: undefined,
  tokens: undefined,
  limitKey: undefined,
  queueLimit: undefined,
  health: undefined,
  breaker: undefined,
  retryBudget: undefined,
  intent: undefined,
  graceMs: undefined,
  agingMs: undefined,
}

const answer: AgentFunction = ({ task }) => reply({ output: task.id, usage: undefined })

describe('an option that is undefined is as one that is missing', () => {
  test('of an orchestrator, its pools and their defaults, a run and its tasks', async () => {
    const options: Omit<OrchestratorOptions, 'pools'> = {
      limits: undefined,
      machine: undefined,
      distributor: undefined,
      failureHandler: undefined,
      aggregator: undefined,
      journal: undefined,
      clock: undefined,
      random: undefined,
      newId: undefined,
      budget: undefined,
      retain: undefined,
    }
    const orchestrator = new Orchestrator({ ...options, pools: { p: { ...pool, backend: answer, defaults } } })
    const given: RunOptions = {
      runId: undefined,
      failureMode: undefined,
      only: undefined,
      signal: undefined,
      whenFull: undefined,
      weight: undefined,
      budget: undefined,
      mode: undefined,
      auto: undefined,
      autoFallbackToSerial: undefined,
    }
    const run = orchestrator.run({ tasks: [{ ...defaults, id: 'a', description: 'a', pool: undefined }] }, given)
    expect((await run.result).outputs).toEqual({ a: 'a' })
    const none: ResumeOptions = { graph: undefined, signal: undefined, whenFull: undefined, weight: undefined }
    expect(await orchestrator.resume(run.id, none)).toBe(run)
  })

  test('of a task of a graph', async () => {
    const orchestrator = new Orchestrator({ pools: { p: { backend: answer } } })
    const graph = new TaskGraph('g', { version: undefined })
    const options: Omit<TaskOptions, 'input' | 'output'> = {
      ...defaults,
      description: undefined,
      pool: undefined,
      after: undefined,
      softAfter: undefined,
      orderAfter: undefined,
      triggerRule: undefined,
      weight: undefined,
      context: undefined,
    }
    graph.task('a', { ...(options as object), budget, backoff, estimate: { costUsd: undefined, tokens: undefined } })
    expect(Object.keys(graph.tasks[0] as TaskSpec).sort()).toEqual([
      'backoff',
      'budget',
      'description',
      'estimate',
      'id',
    ])
    expect((await orchestrator.run(graph).result).outputs).toEqual({ a: 'a' })
  })

  test('of parsePlan and of the plan', () => {
    const plan = { name: undefined, version: undefined, failureMode: undefined, tasks: [{ id: 'a', pool: undefined }] }
    expect(parsePlan(plan, { maxBytes: undefined, maxTasks: undefined, maxDepth: undefined })).toEqual(
      parsePlan({ tasks: [{ id: 'a' }] }),
    )
  })

  test('of a failure handler: each undefined member has its default', () => {
    const options: Undefined<FailureHandlerOptions> = {
      retries: undefined,
      backoff: undefined,
      maxThrottled: undefined,
      maxInterrupted: undefined,
      maxFailovers: undefined,
      maxRepairs: undefined,
      maxParkMs: undefined,
      quotaParkMs: undefined,
      neverRetry: undefined,
      failover: undefined,
      repair: undefined,
    }
    const facts: FailureFacts = {
      runId: 'r',
      task: { id: 'a', description: 'a', backoff },
      attempt: 1,
      failures: 0,
      throttled: 0,
      interrupted: 0,
      failovers: 0,
      repairs: 0,
      feedback: undefined,
      alternatives: 0,
      random: () => 0.5,
    }
    const failure = { kind: 'agent', message: 'no' } as const
    const verdict = new FailureHandler().verdict(failure, facts)
    expect(verdict).toEqual({ action: 'retry', delayMs: 500 })
    expect(new FailureHandler(options).verdict(failure, facts)).toEqual(verdict)
    expect(new FailureHandler({ backoff }).verdict(failure, facts)).toEqual(verdict)
  })

  test('of a distributor, an HTTP backend, and the mocks', () => {
    const intents = { p: { words: ['build'], phrases: undefined } }
    new TaskDistributor({ intents, classifier: undefined, threshold: undefined, fallbackPool: undefined })
    httpBackend({
      url: 'https://example.com',
      method: undefined,
      headers: undefined,
      body: undefined,
      parse: undefined,
    })
    new MockBackend({ clock: undefined, name: undefined })
    expect(new VirtualClock({ startAt: undefined }).now()).toBe(new VirtualClock().now())
  })
})
