import { Orchestrator, type RunEvent, type TaskData, type TaskSpec } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { type Account, accountOf } from '../../examples/restaurant/account.js'
import { Estimate } from '../../examples/restaurant/eta.js'
import { auditsOf, findingLines } from '../../examples/restaurant/findings.js'
import { follow } from '../../examples/restaurant/live.js'
import { fileLines, nextSteps, shellPath } from '../../examples/restaurant/next-steps.js'
import { reportLines } from '../../examples/restaurant/report.js'
import { type Line, Terminal, textOf } from '../../examples/restaurant/terminal.js'
import { displayWidth } from '../../examples/restaurant/text.js'
import { timelineLines } from '../../examples/restaurant/timeline.js'
import type { RunningTask } from '../../src/run/progress.js'

const ESC = String.fromCharCode(27)
const hostile = `a${ESC}[31mred\u202egnirts\r\b`

function plain(lines: readonly Line[]): string[] {
  return lines.map(line => (typeof line === 'string' || 'text' in line ? [line] : line).map(textOf).join('').trimEnd())
}

interface Seen {
  readonly account: Account
  readonly text: string
}

/** Runs tasks with a function as the agent, and returns the account and the output for a pipe of this width. */
async function show(
  tasks: TaskData[],
  agent: (id: string, attempt: number) => unknown,
  columns = 100,
  isSample = false,
): Promise<Seen> {
  let text = ''
  const output = { columns, on: () => {}, write: (more: string) => (text += more) }
  const orchestrator = new Orchestrator({
    pools: { crew: { backend: ({ task }, { attempt }) => agent(task.id, attempt), concurrency: 2 } },
  })
  const run = orchestrator.run({ tasks })
  const shown = { title: 'test', terminal: new Terminal(output, {}), history: [] }
  await run.result.finally(follow(run, orchestrator, shown))
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  return { account: accountOf(await orchestrator.runs.show(run.id), events, { title: 'test', isSample }), text }
}

describe('the log of a run', () => {
  test('has one line for each start, failure, end and skip, none wider than the output', async () => {
    const agent = (id: string): unknown => {
      if (id === 'bad') throw new Error(`${hostile} is wrong\nwith this`)
      return id
    }
    const tasks = [{ id: 'good' }, { id: 'bad', retries: 1, backoff: { baseMs: 0 } }, { id: 'next', after: ['bad'] }]
    const { text } = await show(tasks, agent, 80)
    const printed = text.split('\n').map(line => line.slice(9))
    expect(printed).toContain('crew  good  started')
    expect(printed).toContain('crew  bad   attempt 2 started')
    expect(printed).toContain('crew  next  skipped: depends on bad')
    expect(printed.some(line => line.startsWith('crew  bad   attempt 1 failed, retry in 0.00 s: '))).toBe(true)
    expect(text).not.toMatch(/(?!\n)\p{Cc}|\p{Bidi_Control}/u)
    for (const line of printed) expect(displayWidth(line)).toBeLessThanOrEqual(80 - 9)
  })
})

describe('the report', () => {
  test('shows one bar per attempt, and no line wider than the screen', async () => {
    const agent = async (_id: string, attempt: number): Promise<string> => {
      await new Promise(resolve => setTimeout(resolve, 10))
      if (attempt === 1) throw new Error('not yet')
      return 'done'
    }
    const { account } = await show([{ id: 'again', backoff: { baseMs: 1 } }], agent)
    expect(account.attempts.get('again')?.map(span => span.succeeded)).toEqual([false, true])
    const [row, axis] = plain(timelineLines(account.tasks, account.attempts, account.worked, 50))
    expect(row).toMatch(/^crew {2}again {2} *▒+ *█+$/)
    expect(axis).toMatch(/^ {13}0 s +0\.\d+ s$/)
    for (const width of [40, 100, 200])
      for (const line of plain(reportLines(account, width))) expect(displayWidth(line)).toBeLessThanOrEqual(width)
  })

  test('groups tasks that failed in the same way, and compares only completed runs with the expected times', async () => {
    const tasks = ['a', 'b', 'c'].map(id => ({ id, retries: 0 }))
    const agent = (): never => {
      throw new Error('no')
    }
    const { account } = await show(tasks, agent, 100, true)
    const lines = plain(reportLines(account, 100))
    expect(lines).toContain('a, b, c dead, agent: no')
    expect(lines.join('\n')).not.toContain('expected:')
  })

  test('has no tables for a plan without tasks', async () => {
    const { account } = await show([], () => 1)
    expect(reportLines(account, 80)).toEqual([])
  })

  test('ignores malformed findings, and sorts by severity', async () => {
    const finding = (severity: string) => ({
      severity,
      title: severity,
      task: 't',
      where: hostile,
      evidence: 'e',
      fix: 'f',
    })
    const odd = [null, 'text', {}, finding('__proto__'), { ...finding('low'), fix: 1 }]
    const outputs: Record<string, unknown> = {
      a: {
        kind: 'audit',
        findings: [finding('low'), ...odd, finding('critical')],
        passed: [1, 2],
        notCovered: ['csrf'],
      },
      b: { kind: 'audit', findings: 'none', passed: {}, notCovered: null },
      c: ['audit'],
    }
    const { account } = await show(
      Object.keys(outputs).map(id => ({ id })),
      id => outputs[id],
    )
    const audits = auditsOf(account)
    expect(audits).toMatchObject({ count: 2, passed: 2, notCovered: ['csrf'] })
    expect(audits.findings.map(({ severity }) => severity)).toEqual(['critical', 'low'])
    const lines = plain(findingLines(audits, 60))
    expect(lines).toContain('critical  critical')
    expect(lines).toContain('2 checks passed')
    for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(60)
  })

  test('suggests only files of the run, quoted for a shell', async () => {
    const outputs: Record<string, unknown> = {
      a: { kind: 'frontend', folder: 'front end', files: [{ name: 'x.html' }], entry: 'x.html' },
      b: { kind: 'backend', folder: '../..', files: [], start: 'etc/passwd' },
      c: { kind: 'backend', folder: 'b', start: '$(reboot).mjs', files: [3, { name: 4 }] },
    }
    const { account } = await show(
      Object.keys(outputs).map(id => ({ id })),
      id => outputs[id],
    )
    const { runId } = account
    expect(plain(nextSteps(account, '/out', '/out')).slice(0, -3)).toEqual([
      `open the frontend    '${runId}/front end/x.html'`,
      `start the backend    node '${runId}/b/$(reboot).mjs'`,
    ])
    const files = { folder: '/out/run', link: '/out/latest', result: undefined }
    expect(plain(fileLines(account, files, '/out')).slice(0, 2)).toEqual([
      'run  linked as latest',
      '  front end/  x.html  a',
    ])
    expect(shellPath('/a/b', '/x/y/z')).toBe('/a/b')
    expect(shellPath('/a/-rf', '/a')).toBe('/a/-rf')
    expect(shellPath("/a/it's", '/a')).toBe("'it'\\''s'")
  })
})

describe('the remaining time', () => {
  const event = { seq: 1, at: 0, runId: 'r', index: 0 }
  const estimateOf = (tasks: TaskSpec[], slots = 9): Estimate => {
    const estimate = new Estimate(() => slots)
    for (const spec of tasks) estimate.add({ ...event, type: 'task.added', taskId: spec.id, spec })
    return estimate
  }
  const task = (id: string, after: string[] = []): TaskSpec => ({ id, description: id, pool: 'p', after })
  const running = (id: string, progress: number): RunningTask => ({ id, pool: 'p', attempt: 1, startedAt: 0, progress })

  test('is undefined before any task has started', () => {
    expect(estimateOf([task('a')]).leftMs([running('a', 0.05)], 1_000)).toBeUndefined()
  })

  test('follows the critical path: running tasks keep their speed, waiting ones take the average time', () => {
    const estimate = estimateOf([task('last', ['b']), task('a'), task('b', ['a']), task('c')])
    expect(estimate.leftMs([running('a', 0.5), running('c', 0.25)], 1_000)).toBe(1_000 + 3_000 + 3_000)
    estimate.add({
      ...event,
      type: 'attempt.started',
      taskId: 'a',
      attempt: 1,
      pool: 'p',
      backend: 'p',
      key: 'k',
      input: null,
    })
    estimate.add({ ...event, at: 2_000, type: 'task.succeeded', taskId: 'a', attempt: 1, output: null })
    estimate.add({ ...event, type: 'task.dead', taskId: 'c', failure: { kind: 'agent', message: '' } })
    expect(estimate.leftMs([], 2_000)).toBe(2_000 + 2_000)
  })

  test('is at least the load of each pool divided by its slots', () => {
    const estimate = estimateOf([task('a'), task('b'), task('c'), task('d')], 2)
    expect(estimate.leftMs([running('a', 0.5)], 1_000)).toBe((1_000 + 3 * 2_000) / 2)
  })
})
