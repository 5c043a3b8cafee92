import type { Budget, Estimate, JournalProblem, Usage } from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { BudgetLog } from '../../src/budget/budget-log.js'
import type { RunShare } from '../../src/budget/run-share.js'
import { SharedBudget } from '../../src/budget/shared-budget.js'
import { admit, type BudgetNotice, noticeOf, softNotices } from '../../src/core/budget/admission.js'
import { assumedUsage } from '../../src/core/budget/budget.js'
import { emptyState } from '../../src/core/state/new-state.js'
import type { RunState } from '../../src/core/state/run-state.js'
import type { TaskState } from '../../src/core/state/task.js'
import type { SharedStream } from '../../src/journal/shared-stream.js'
import { FakeStream } from '../support/fake-stream.js'
import { SeededRandom } from '../support/seeded-random.js'

const ONE: Estimate = { costUsd: 1 }

/** A run whose decisions count in a budget, as those of the scheduler do. */
class FakeRun {
  readonly state: RunState
  readonly #share: RunShare
  readonly #waiting = new Map<number, () => void>()

  constructor(budget: SharedBudget, runId = 'run-1', attempts: readonly number[] = [], startedAt = 5) {
    this.state = { ...emptyState(runId), startedAt }
    this.#share = budget.join(this.state, () => this.#retry())
    for (const [index, count] of attempts.entries()) this.#ended(index, count)
  }

  /** Starts an attempt, if it fits. Returns what follows as lines, in order; `go`: its backend may be called. */
  request(index: number, estimate: Estimate | undefined = ONE): string[] {
    const received: string[] = []
    const start = (): void => {
      if (!this.#share.isOpen(start)) return
      const refusal = admit([this.#share], estimate, { degraded: false, exempt: this.state.budgetExempt.has(index) })
      if (refusal?.action === 'wait') return this.#waits(index, start)
      if (refusal) return void received.push(line(noticeOf(refusal, 'hard', refusal.action)))
      this.#share.started(index, this.#attempt(index), estimate, AT)
      this.#runs(index, estimate)
      if (this.#share.isReserved(index, () => void received.push('go'))) received.push('go')
      for (const notice of softNotices([this.#share])) {
        this.#share.reached('soft', notice.measure)
        received.push(line(notice))
      }
    }
    start()
    return received
  }

  started(index: number, at: number): void {
    const task = this.state.states[index]
    if (task?.status === 'running') this.state.states[index] = { ...task, startedAt: at }
  }

  /** The attempt of a task has failed. */
  failed(index: number, at: number, usage?: Usage): void {
    this.#end(index, at, usage)
    this.#ended(index, this.#attempt(index))
    this.#share.afterDecision()
  }

  succeeded(index: number, at: number, usage?: Usage): void {
    this.#end(index, at, usage)
    this.#share.afterDecision()
  }

  /** Another process has taken over; `running`: the tasks whose attempts its journal has started. */
  recover(running: readonly number[] = [], lostAt = AT): void {
    this.state.processLostAt = lostAt
    for (const index of running) {
      this.#runs(index, ONE)
      this.state.orphanedAttempts.add(index)
    }
    this.#share.recovered()
    for (const index of running) this.failed(index, lostAt)
  }

  leave(): void {
    this.#share.leave()
  }

  #end(index: number, at: number, usage: Usage | undefined): void {
    const task = this.state.states[index]
    if (task?.status !== 'running') return
    this.#share.ended(index, assumedUsage(usage, task.reserved), at)
    this.state.orphanedAttempts.delete(index)
    this.state.states[index] = { status: 'ready', since: at }
  }

  #runs(index: number, reserved: Estimate | undefined): void {
    const attempt = this.#attempt(index)
    this.state.states[index] = { status: 'running', attempt, startedAt: AT, reserved } as TaskState
  }

  #waits(index: number, start: () => void): void {
    this.#waiting.set(index, start)
    this.state.heldForReservations.set('p', new Set(this.#waiting.keys()))
    this.#share.waits()
  }

  #retry(): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    this.state.heldForReservations.clear()
    for (const start of waiting) start()
  }

  #attempt(index: number): number {
    return (this.state.tallies[index]?.attempts ?? 0) + 1
  }

  #ended(index: number, attempts: number): void {
    this.state.tallies[index] = { attempts } as NonNullable<RunState['tallies'][number]>
  }
}

/** When attempts are reserved. */
const AT = 7

function line({ level, measure, used, action }: BudgetNotice): string {
  return `${level} ${measure} ${used} ${action}`
}

/** A budget whose records are in `stream`. */
function open(stream: SharedStream, budget: Budget = { costUsd: 3 }, compactAt?: number) {
  const clock = new VirtualClock()
  const reported: string[] = []
  const report = ({ message }: JournalProblem): void => void reported.push(message)
  const shared = new SharedBudget(budget, { stream, clock, report, ...(compactAt && { compactAt }) })
  return { clock, reported, shared, run: (...args: [string?, number[]?, number?]) => new FakeRun(shared, ...args) }
}

const turn = (): Promise<unknown> => new Promise(resolve => setImmediate(resolve))

/** The same stream, but read synchronously. */
function prompt(stream: FakeStream): SharedStream {
  return { read: () => stream.records, append: record => stream.append(record), close: () => {} }
}

describe('a reservation', () => {
  test('is durable before the backend is called, synchronously where the stream is', () => {
    const stream = new FakeStream()
    const { run } = open(prompt(stream))
    expect(run().request(0, { costUsd: 1, tokens: 5 })).toEqual(['go'])
    expect(stream.records).toEqual([
      {
        type: 'budget',
        spent: { costUsd: 0, tokens: 0, wallMs: 0 },
        holds: [{ key: 'run-1@5/0', attempt: 1, at: AT, costUsd: 1, tokens: 5 }],
        over: [],
      },
    ])
  })

  test('waits until the log has been read', async () => {
    const { run, shared, reported } = open(new FakeStream())
    const one = run()
    const received = [0, 1, 2, 3].map(index => one.request(index))
    expect([received, shared.used.costUsd]).toEqual([[[], [], [], []], 0])
    await turn()
    expect(received.slice(0, 3)).toEqual([['go'], ['go'], ['go', 'soft costUsd 3 tell']])
    // It waits for those in flight.
    expect(one.request(4)).toEqual([])
    expect(reported).toEqual([])
  })

  test('shares a record with all changes made while another is being written', async () => {
    const stream = new FakeStream()
    const { run } = open(stream, { costUsd: 9, soft: 1 })
    const one = run()
    one.request(0)
    await turn()
    stream.isSlow = true
    const received = [1, 2, 3].map(index => one.request(index))
    one.started(0, 10)
    one.succeeded(0, 14, { costUsd: 0.5 })
    stream.flush()
    await turn()
    expect([received, stream.pending]).toEqual([[['go'], [], []], 1])
    stream.flush()
    await turn()
    expect([received, stream.records.length]).toEqual([[['go'], ['go'], ['go']], 3])
    expect(stream.records[2]).toMatchObject({
      spent: { costUsd: 0.5, wallMs: 4 },
      holds: [{ key: 'run-1@5/2' }, { key: 'run-1@5/3' }],
      over: ['run-1@5/0'],
    })
  })

  test('is dropped when its attempt ends before it is durable', async () => {
    const stream = new FakeStream()
    const { run, shared } = open(stream)
    const one = run()
    await turn()
    stream.isSlow = true
    const received = one.request(1)
    one.failed(1, AT, { costUsd: 0 })
    stream.flush()
    await turn()
    stream.flush()
    await turn()
    expect([received, shared.used.costUsd]).toEqual([[], 0])
    expect((await reading(stream)).used.costUsd).toBe(0)
  })

  test('counts for an attempt that a person has let exceed the budget', () => {
    const { run, shared } = open(prompt(new FakeStream()), { costUsd: 1, soft: 1 })
    const one = run()
    one.state.budgetExempt.add(1)
    expect([one.request(0), one.request(1), one.request(2)]).toEqual([['go', 'soft costUsd 1 tell'], ['go'], []])
    expect(shared.used.costUsd).toBe(2)
  })
})

describe('an attempt that does not fit only because of the reservations of others', () => {
  test('waits for an attempt in flight, then is granted or refused', () => {
    const { run } = open(prompt(new FakeStream()), { costUsd: 3, soft: 1 })
    const one = run()
    for (const index of [0, 1]) {
      one.request(index)
      one.started(index, 0)
    }
    const received = [2, 3].map(index => one.request(index, { costUsd: 1.5 }))
    one.succeeded(0, 1, { costUsd: 0.5 })
    expect(received).toEqual([['go', 'soft costUsd 3 tell'], []])
    one.started(2, 2)
    one.succeeded(1, 3, { costUsd: 1 })
    one.succeeded(2, 3, { costUsd: 1.5 })
    expect(received[1]).toEqual(['hard costUsd 3 stop'])
  })

  test('waits for a reservation that is being written', async () => {
    const stream = new FakeStream()
    const { run } = open(stream, { costUsd: 1, soft: 1 })
    const one = run()
    await turn()
    stream.isSlow = true
    const first = one.request(0)
    const second = one.request(1)
    expect([first, second]).toEqual([['soft costUsd 1 tell'], []])
    one.failed(0, AT, { costUsd: 0 })
    stream.flush()
    await turn()
    stream.flush()
    await turn()
    expect([first.includes('go'), second]).toEqual([false, ['go']])
  })

  test('is refused at once when those are of an earlier process', () => {
    const stream = new FakeStream()
    const before = open(prompt(stream)).run()
    before.request(0)
    before.started(0, 0)
    expect(open(prompt(stream), { costUsd: 1 }).run('run-2').request(0)).toEqual(['hard costUsd 1 stop'])
  })

  test('waits for the reservations of another run, and no longer once that is not live here', () => {
    const { run } = open(prompt(new FakeStream()), { costUsd: 1, soft: 1 })
    const [one, two] = [run('run-1'), run('run-2')]
    one.request(0)
    const received = two.request(0)
    expect(received).toEqual([])
    one.leave()
    expect(received).toEqual(['hard costUsd 1 stop'])
  })
})

test('a request whose task has changed before its reservation was durable gets no callback', async () => {
  const stream = new FakeStream()
  stream.isSlow = true
  const records = new BudgetLog({ stream, clock: new VirtualClock(), report: () => {} }, () => {})
  records.open()
  await turn()
  const kept: string[] = []
  const hold = { key: 'a', attempt: 1, at: 0 }
  records.reserved(hold, () => void kept.push('a 1'))
  records.reserved({ ...hold, key: 'b' }, () => void kept.push('b 1'))
  records.settled('a', { costUsd: 0, tokens: 0, wallMs: 0 })
  records.settled('b', { costUsd: 0, tokens: 0, wallMs: 0 })
  records.reserved({ ...hold, attempt: 2 }, () => void kept.push('a 2'))
  for (const expected of [[], ['a 2']]) {
    stream.flush()
    await turn()
    expect(kept).toEqual(expected)
  }
})

/** The budget of a process that reads these records. */
async function reading(stream: SharedStream): Promise<SharedBudget> {
  const { shared } = open({ read: () => stream.read(), append: () => {}, close: () => {} })
  shared.join(emptyState('reader'), () => {})
  await turn()
  return shared
}

describe('while the stream', () => {
  test('cannot be read, nothing starts; that is reported once and retried with growing waits', async () => {
    const stream = new FakeStream()
    stream.error = new Error('locked by pid 7')
    const { run, clock, reported } = open(stream)
    const received = run().request(0)
    await turn()
    expect([stream.reads, reported]).toEqual([
      1,
      ['The budget log cannot be read: nothing starts until it can (locked by pid 7)'],
    ])
    for (const [ms, reads] of [
      [99, 1],
      [1, 2],
      [199, 2],
      [1, 3],
    ] as const) {
      await clock.advance(ms)
      await turn()
      expect(stream.reads).toBe(reads)
    }
    stream.error = undefined
    await clock.advance(400)
    await turn()
    expect([received, reported.length, clock.pending]).toEqual([['go'], 2, 0])
    expect(reported[1]).toContain('has been read, after 0.7 s')
  })

  test('throws when it is read, the same', async () => {
    let isFree = false
    const stream = new FakeStream()
    const opened = {
      ...prompt(stream),
      read: () => {
        if (!isFree) throw new Error('no')
        return []
      },
    }
    const { run, clock, reported } = open(opened)
    const received = run().request(0)
    isFree = true
    await clock.advance(100)
    expect([received, reported.length]).toEqual([['go'], 2])
  })

  test('cannot be written, nothing starts; once it can, what waited is one record', async () => {
    const stream = new FakeStream()
    const { run, clock, reported } = open(stream, { costUsd: 5, soft: 1 })
    const one = run()
    const first = one.request(0)
    await turn()
    one.started(0, 1)
    stream.error = new Error('ENOSPC')
    const received = [1, 2].map(index => one.request(index))
    one.succeeded(0, 2, ONE)
    expect([first, received, stream.appends]).toEqual([['go'], [[], []], 2])
    await clock.advance(99)
    expect(stream.appends).toBe(2)
    stream.error = undefined
    await clock.advance(1)
    expect([received, stream.appends, stream.records.length]).toEqual([[['go'], ['go']], 3, 2])
    expect(reported).toEqual([
      'The budget log cannot be written: nothing starts until it can (ENOSPC)',
      'The budget log is written again, after 0.1 s',
    ])
    expect(clock.pending).toBe(0)
  })

  test('fails after the record has reached the disk, nothing counts twice', async () => {
    const stream = new FakeStream()
    const { run, clock } = open(stream)
    const one = run()
    one.request(0)
    await turn()
    one.started(0, 0)
    stream.isSlow = true
    one.failed(0, 5, ONE)
    one.request(0)
    stream.storeButFail()
    await turn()
    stream.isSlow = false
    await clock.advance(100)
    expect((await reading(stream)).used).toEqual({ costUsd: 2, tokens: 0, wallMs: 5 })
  })
})

describe('after a restart', () => {
  test('earlier usage and reservations count', async () => {
    const stream = new FakeStream()
    const before = open(prompt(stream), { costUsd: 10 }).run()
    for (const index of [0, 1, 2]) {
      before.request(index, { costUsd: 1, tokens: 10 })
      before.started(index, 100)
    }
    before.failed(0, 130, { costUsd: 1, tokens: 10 })
    before.succeeded(1, 120, { costUsd: 0.25, inputTokens: 3, outputTokens: 4 })
    const { shared, run } = open(prompt(stream), { costUsd: 3.25, soft: 1 })
    const after = run('run-2')
    expect(shared.used).toEqual({ costUsd: 2.25, tokens: 27, wallMs: 50 })
    expect([after.request(0), after.request(1)]).toEqual([['go', 'soft costUsd 3.25 tell'], []])
  })

  test('an interrupted attempt is settled once, when its run is resumed, and ran until its process ended', () => {
    const stream = new FakeStream()
    open(prompt(stream)).run().request(0)
    const { shared, run } = open(prompt(stream))
    const after = run()
    expect(shared.used.costUsd).toBe(1)
    after.recover([0], AT + 40)
    expect(shared.used).toEqual({ costUsd: 1, tokens: 0, wallMs: 40 })
    expect(after.request(0)).toEqual(['go'])
    expect(shared.used.costUsd).toBe(2)
  })

  test('an attempt that had ended is settled, by its estimate where the usage is unknown; one that had not begun costs nothing', () => {
    const stream = new FakeStream()
    const before = open(prompt(stream)).run()
    for (const index of [0, 1, 2]) before.request(index)
    const { shared, run } = open(prompt(stream))
    const after = run('run-1', [1, 0, 0])
    const task = { status: 'succeeded', attempt: 1, usage: { costUsd: 0.5 }, startedAt: AT, at: AT + 3 }
    after.state.states[1] = task as TaskState
    expect(shared.used.costUsd).toBe(3)
    after.recover()
    expect(shared.used).toEqual({ costUsd: 1.5, tokens: 0, wallMs: 3 })
    expect(stream.records).toHaveLength(6)
  })

  test('the same when the log can be read only after the run was resumed', async () => {
    const stream = new FakeStream()
    const before = open(prompt(stream)).run()
    for (const index of [0, 1]) before.request(index)
    const { shared, run } = open(stream)
    const after = run('run-1', [1, 0])
    after.recover([], AT + 5)
    const received = after.request(0)
    await turn()
    expect([shared.used, received]).toEqual([{ costUsd: 2, tokens: 0, wallMs: 5 }, ['go']])
  })

  test('an attempt that is settled here but not in its journal is not counted again', () => {
    const stream = new FakeStream()
    const before = open(prompt(stream)).run()
    before.request(0)
    before.failed(0, AT + 1, { costUsd: 0.5 })
    before.request(0)
    const { shared, run } = open(prompt(stream))
    const after = run()
    // Its journal contains the first attempt only.
    after.recover([0])
    expect([shared.used.costUsd, after.request(0), shared.used.costUsd]).toEqual([0.5, ['go'], 1.5])
  })

  test('a run with the id of a deleted one is another run, and what that never settled stays used', () => {
    const stream = new FakeStream()
    open(prompt(stream)).run().request(0)
    const { shared, run } = open(prompt(stream))
    const another = run('run-1', [], 6)
    expect(another.request(0)).toEqual(['go'])
    expect(shared.used.costUsd).toBe(2)
  })

  test('records of other types are preserved, and invalid records are reported', async () => {
    const stream = new FakeStream({
      replaces: true,
      texts: ['{"type":"budget","spent":1}', '{"type":"later"}', '7', 'null'],
    })
    const { run, reported } = open(stream, { costUsd: 9 }, 5)
    const one = run()
    one.request(0)
    await turn()
    expect(reported).toEqual(['1 of 4 records of the budget log are invalid: their usage is ignored'])
    one.request(1)
    await turn()
    expect(stream.records).toEqual([{ type: 'later' }, 7, null, expect.objectContaining({ type: 'budget' })])
  })
})

describe('a stream that has grown', () => {
  test('is compacted to the sum and the reservations', async () => {
    const stream = new FakeStream({ replaces: true })
    const { run } = open(stream, { costUsd: 1_000 }, 20)
    const one = run()
    await turn()
    for (let index = 0; index < 100; index++) {
      one.request(index, { costUsd: 1 })
      await turn()
      if (index % 10 !== 0) {
        one.started(index, 1)
        one.succeeded(index, 3, { costUsd: 0.5 })
      }
    }
    await turn()
    expect(stream.rewrites).toBeGreaterThan(5)
    expect(stream.records.length).toBeLessThanOrEqual(20)
    expect((await reading(stream)).used).toEqual({ costUsd: 55, tokens: 0, wallMs: 180 })
  })

  test('and cannot be compacted is appended to, which is reported', async () => {
    const stream = new FakeStream({ replaces: true })
    stream.replace = () => Promise.reject(new Error('EXDEV'))
    const { run, reported } = open(stream, { costUsd: 1_000 }, 5)
    const one = run()
    const received: string[][] = []
    for (let index = 0; index < 12; index++) {
      received.push(one.request(index))
      await turn()
    }
    expect(received.every(([first]) => first === 'go')).toBe(true)
    expect(stream.records).toHaveLength(12)
    expect(reported).toEqual(Array(2).fill(expect.stringContaining('cannot be compacted')))
  })
})

describe('when it is closed', () => {
  test('the rest is written, and the stream closed', async () => {
    const stream = new FakeStream()
    const { run, shared } = open(stream)
    const one = run()
    one.request(0)
    await turn()
    one.started(0, 0)
    stream.isSlow = true
    const late = one.request(1)
    one.succeeded(0, 1, { costUsd: 0.5 })
    const closed = shared.close()
    stream.isSlow = false
    stream.flush()
    await closed
    expect([late, stream.closes]).toEqual([['go'], 1])
    expect(one.request(2)).not.toContain('go')
    expect((await reading(stream)).used.costUsd).toBe(1.5)
    await shared.close()
    expect(stream.closes).toBe(1)
  })

  test('it waits for the write in flight', async () => {
    const stream = new FakeStream()
    const { run, shared } = open(stream)
    const one = run()
    one.request(0)
    await turn()
    stream.isSlow = true
    one.request(1)
    let closed = false
    void shared.close().then(() => (closed = true))
    await turn()
    expect([closed, stream.closes]).toEqual([false, 0])
    stream.flush()
    await turn()
    expect([closed, stream.closes]).toEqual([true, 1])
  })

  test('it writes once, reports a failure, and leaves no timer', async () => {
    const stream = new FakeStream()
    const { run, shared, clock, reported } = open(stream)
    const one = run()
    one.request(0)
    await turn()
    stream.error = new Error('EIO')
    one.started(0, 0)
    one.succeeded(0, 1)
    await shared.close()
    expect([stream.appends, stream.closes, clock.pending]).toEqual([3, 1, 0])
    expect(reported.slice(1)).toEqual([
      expect.stringMatching(
        /^The last record .* cannot be written: after a restart, the estimates of the last attempts count/,
      ),
      'The budget log cannot be closed',
    ])
  })

  test('before it has been read, nothing starts any more', async () => {
    const stream = new FakeStream()
    const { run, shared } = open(stream)
    const received = run().request(0)
    await shared.close()
    expect([received, stream.closes, stream.appends]).toEqual([[], 1, 0])
  })
})

describe('processes that end at any moment', () => {
  /** Attempts of at most one dollar, as estimated, of a run that is resumed or given up by the next process. */
  async function runProcesses(seed: number): Promise<number> {
    const dice = new SeededRandom(seed)
    const stream = new FakeStream({ replaces: dice.chance(0.7) })
    stream.isSlow = true
    let interrupted = 0
    /** What ended attempts have used; for an interrupted one, the most that it may have used. */
    let real = 0
    let ended: number[] = []
    let running = new Set<number>()
    for (let life = 0, runId = 'run-0'; life < 6; life++) {
      const { run } = open(stream, { costUsd: 10 }, 6)
      if (dice.chance(0.3)) [runId, ended, running] = [`run-${life}`, [], new Set()]
      const one = run(runId, ended)
      await turn()
      one.recover([...running])
      running.clear()
      const pendingRequests = new Map<number, string[]>()
      for (let step = 0; step < 30; step++) {
        const index = dice.below(8)
        if (running.delete(index)) {
          const used = dice.chance(0.5) ? { costUsd: dice.next() } : undefined
          one.failed(index, 1, used)
          real += used?.costUsd ?? 1
        } else if (!pendingRequests.has(index)) pendingRequests.set(index, one.request(index))
        if (dice.chance(0.6)) stream.flush()
        if (dice.chance(0.1)) stream.storeButFail()
        await turn()
        for (const [place, received] of pendingRequests) {
          if (received.length > 0) pendingRequests.delete(place)
          if (!received.includes('go')) continue
          one.started(place, 0)
          running.add(place)
        }
        expect(real + running.size, `seed ${seed}`).toBeLessThanOrEqual(10 + 1e-9)
      }
      real += running.size
      interrupted += running.size
      ended = one.state.tallies.map(({ attempts }) => attempts)
      for (let place = 0; place < 8; place++) ended[place] ??= 0
      stream.crash(dice.chance(0.5))
    }
    return interrupted
  }

  test('never exceed the budget together, whatever reaches the disk', async () => {
    let interrupted = 0
    for (let seed = 1; seed <= 150; seed++) interrupted += await runProcesses(seed)
    expect(interrupted).toBeGreaterThan(150)
  })
})
