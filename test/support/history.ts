import assert from 'node:assert/strict'
import type { EventOf, Outcome, RunEvent, RunEventType } from 'counterpoint'

/** What a history says about one task. Kept apart from the library's own fold: it is what that is checked against. */
interface Story {
  readonly id: string
  readonly after: readonly string[]
  where: 'blocked' | 'ready' | 'live' | 'failed' | 'delayed' | 'over'
  attempt: number
  stopping: 'timeout' | 'cancel' | 'interrupt' | undefined
  abandoned: boolean
  owed: 'retry' | 'dead' | undefined
  end: RunEvent | undefined
}

/** What {@link checkHistory} has found out. */
export interface CheckedHistory {
  readonly outcome: Outcome | undefined
  /** The terminal event of each task that has one. */
  readonly ends: ReadonlyMap<string, RunEvent>
  readonly attempts: number
}

/** Checks a whole history, from the first event on, by itself. Throws an AssertionError that names the event. */
export function checkHistory(
  events: readonly RunEvent[],
  options: { readonly settled?: boolean } = {},
): CheckedHistory {
  const checker = new Checker()
  for (const event of events) {
    try {
      checker.take(event)
    } catch (error) {
      if (error instanceof Error) error.message = `${JSON.stringify(event)}: ${error.message}`
      throw error
    }
  }
  if (options.settled ?? true)
    assert.equal(events.at(-1)?.type, 'run.settled', 'the run has settled, and that is the last event')
  return checker.found()
}

type Phase = 'none' | 'running' | 'paused' | 'draining' | 'suspended' | 'fail-fast' | 'cancelled' | 'settled'

class Checker {
  readonly #tasks = new Map<string, Story>()
  #seq = 0
  #at = 0
  #epoch = 1
  #runId = ''
  #phase: Phase = 'none'
  /** It was paused when it began to drain, and will be when it goes on. */
  #pausedBefore = false
  #outcome: Outcome | undefined
  #attempts = 0
  /** The task whose next event is due at once. */
  #due: Story | undefined

  take(event: RunEvent): void {
    assert.equal(event.seq, ++this.#seq, 'seq has no gap')
    assert.ok(event.at >= this.#at, 'at never decreases')
    assert.notEqual(this.#phase, 'settled', 'nothing comes after run.settled')
    if (this.#phase === 'suspended')
      assert.equal(event.type, 'run.recovered', 'a suspended run does nothing until it is recovered')
    this.#at = event.at
    if (this.#seq === 1) this.#runId = event.runId
    assert.equal(event.runId, this.#runId, 'a history is about one run')
    if (this.#due)
      assert.equal('taskId' in event && event.taskId, this.#due.id, `what becomes of ${this.#due.id} is told at once`)
    this.#due = undefined
    const check = this.#checks[event.type] as (event: RunEvent) => void
    check(event)
  }

  found(): CheckedHistory {
    const ends = new Map<string, RunEvent>()
    for (const { id, end } of this.#tasks.values()) if (end) ends.set(id, end)
    return { outcome: this.#outcome, ends, attempts: this.#attempts }
  }

  readonly #checks: { readonly [T in RunEventType]: (event: EventOf<T>) => void } = {
    'run.started': () => this.#go(['none'], 'running'),
    'run.paused': () => this.#go(['running'], 'paused'),
    'run.unpaused': () => this.#go(['paused'], 'running'),
    'run.stopping': ({ because }) => {
      const from = ['running', 'paused', 'draining']
      this.#go(because === 'cancelled' ? [...from, 'fail-fast'] : from, because)
    },
    'run.draining': () => {
      this.#pausedBefore = this.#phase === 'paused'
      this.#go(['running', 'paused'], 'draining')
    },
    'run.suspended': () => {
      this.#go(['draining'], 'suspended')
      const tasks = [...this.#tasks.values()]
      assert.ok(!tasks.some(task => task.where === 'live'), 'nothing runs in a run that is suspended')
      assert.ok(
        tasks.some(task => task.end === undefined),
        'a run that has nothing left settles, and is not suspended',
      )
    },
    'run.recovered': ({ epoch }) => {
      assert.equal(epoch, ++this.#epoch, 'each recovery has the next epoch')
      if (this.#phase === 'draining' || this.#phase === 'suspended')
        this.#phase = this.#pausedBefore ? 'paused' : 'running'
    },
    'run.settled': event => this.#settled(event),
    'task.added': event => this.#added(event),
    'task.ready': ({ taskId }) => {
      this.#move(taskId, ['blocked', 'delayed'], 'ready')
      this.#checkDependencies(taskId)
    },
    'attempt.started': event => this.#started(event),
    'attempt.stopping': ({ taskId, attempt, because }) => {
      const task = this.#live(taskId, attempt)
      assert.notEqual(task.stopping, 'cancel', 'an attempt that is being cancelled is not told so again')
      task.stopping = because.kind
    },
    'attempt.abandoned': ({ taskId, attempt }) => {
      const task = this.#live(taskId, attempt)
      assert.ok(task.stopping !== undefined && !task.abandoned, 'abandoned once, and only after it was told to stop')
      task.abandoned = true
      this.#due = task
    },
    'attempt.failed': ({ taskId, attempt, verdict }) => {
      const task = this.#live(taskId, attempt)
      task.where = 'failed'
      task.owed = verdict.action
      this.#due = task
    },
    'task.delayed': ({ taskId, until, at }) => {
      const task = this.#move(taskId, ['failed'], 'delayed')
      assert.equal(task.owed, 'retry', 'the verdict is followed')
      assert.ok(until >= at, 'nothing waits until a time that has passed')
    },
    'task.succeeded': event => {
      const { stopping } = this.#live(event.taskId, event.attempt)
      assert.equal(stopping, undefined, 'an attempt that was told to stop has not succeeded')
      this.#end(event, ['live'])
    },
    'task.dead': event => assert.equal(this.#end(event, ['failed']).owed, 'dead', 'the verdict is followed'),
    'task.skipped': event => this.#skipped(event),
    'task.cancelled': event => {
      const { where, stopping } = this.#story(event.taskId)
      if (where === 'live') assert.equal(stopping, 'cancel', 'what runs is told to stop before it is cancelled')
      this.#end(event, ['blocked', 'ready', 'delayed', 'live'])
    },
  }

  #added({ taskId, index, spec }: EventOf<'task.added'>): void {
    assert.equal(index, this.#tasks.size, 'tasks are numbered in the order in which they are added')
    assert.ok(!this.#tasks.has(taskId), 'ids are unique')
    const fresh = {
      where: 'blocked',
      attempt: 0,
      stopping: undefined,
      abandoned: false,
      owed: undefined,
      end: undefined,
    } as const
    this.#tasks.set(taskId, { id: taskId, after: spec.after ?? [], ...fresh })
  }

  #started({ taskId, attempt, key }: EventOf<'attempt.started'>): void {
    assert.equal(this.#phase, 'running', 'nothing starts in a run that is paused or stopping')
    const task = this.#move(taskId, ['ready'], 'live')
    this.#checkDependencies(taskId)
    assert.equal(attempt, ++task.attempt, 'attempts are numbered without a gap')
    assert.equal(key, `${this.#runId}/${taskId}/1`, 'the key is the same over all attempts')
    Object.assign(task, { stopping: undefined, abandoned: false, owed: undefined })
    this.#attempts++
  }

  #skipped(event: EventOf<'task.skipped'>): void {
    const { taskId, rootCause } = event
    const cause = this.#story(rootCause).end?.type
    assert.ok(cause === 'task.dead' || cause === 'task.cancelled', `a root cause is dead or cancelled, not ${cause}`)
    assert.ok(this.#ancestors(taskId).has(rootCause), 'a root cause is something that the task waited for')
    this.#end(event, ['blocked'])
  }

  #settled({ outcome }: EventOf<'run.settled'>): void {
    const ends = [...this.#tasks.values()].map(task => task.end?.type)
    assert.ok(!ends.includes(undefined), 'every task has ended')
    const succeeded = ends.filter(type => type === 'task.succeeded').length
    const expected = succeeded === ends.length ? 'completed' : succeeded > 0 ? 'partial' : 'failed'
    assert.equal(outcome, this.#phase === 'cancelled' ? 'cancelled' : expected, 'the outcome is what the tasks say')
    this.#phase = 'settled'
    this.#outcome = outcome
  }

  #go(from: readonly string[], to: Phase): void {
    assert.ok(from.includes(this.#phase), `a run that is ${this.#phase} cannot be ${to}`)
    this.#phase = to
  }

  #story(id: string): Story {
    const task = this.#tasks.get(id)
    assert.ok(task, `task ${id} was added before anything is said about it`)
    return task
  }

  #move(id: string, from: readonly Story['where'][], to: Story['where']): Story {
    const task = this.#story(id)
    assert.ok(from.includes(task.where), `task ${id} is ${task.where}, not ${from.join(' or ')}`)
    task.where = to
    return task
  }

  #end(event: Extract<RunEvent, { taskId: string }>, from: readonly Story['where'][]): Story {
    const task = this.#move(event.taskId, from, 'over')
    assert.equal(task.end, undefined, 'a task has one terminal event')
    task.end = event
    return task
  }

  #live(id: string, attempt: number): Story {
    const task = this.#story(id)
    assert.ok(task.where === 'live' && task.attempt === attempt, `attempt ${attempt} of ${id} is under way`)
    return task
  }

  #checkDependencies(id: string): void {
    for (const need of this.#story(id).after)
      assert.equal(this.#story(need).end?.type, 'task.succeeded', `${need} has succeeded before ${id} starts`)
  }

  #ancestors(id: string): ReadonlySet<string> {
    const found = new Set<string>()
    const work = [...this.#story(id).after]
    for (let next = work.pop(); next !== undefined; next = work.pop()) {
      if (found.has(next)) continue
      found.add(next)
      work.push(...this.#story(next).after)
    }
    return found
  }
}
