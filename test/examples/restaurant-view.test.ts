import { Orchestrator, type RunningTask, type TaskSpec } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { Estimate } from '../../examples/restaurant/eta.js'
import { auditsOf, findingLines } from '../../examples/restaurant/findings.js'
import { readFlags } from '../../examples/restaurant/flags.js'
import { follow } from '../../examples/restaurant/live.js'
import { fileLines, nextSteps, shellPath } from '../../examples/restaurant/next-steps.js'
import { reportLines } from '../../examples/restaurant/report.js'
import { type Column, tableLines } from '../../examples/restaurant/table.js'
import { type Line, type Output, styled, Terminal, textOf } from '../../examples/restaurant/terminal.js'
import {
  comparedTo,
  cut,
  displayWidth,
  dollars,
  duration,
  fill,
  printable,
  wrap,
} from '../../examples/restaurant/text.js'
import { attemptsOf, timelineLines } from '../../examples/restaurant/timeline.js'

const ESC = String.fromCharCode(27)
/** What an agent may try on a terminal: ANSI, OSC 8 and 52, DCS, C1, carriage return, backspace, bidi, NUL, invisible characters. */
const hostile = [
  `${ESC}[31mred${ESC}[0m`,
  `${ESC}]8;;https://evil.example${ESC}\\link`,
  `${ESC}]52;c;aGk=\u0007`,
  `${ESC}P1;2|payload${ESC}\\`,
  '\u009b2Jcleared',
  'harmless\rhidden',
  'a\b\b\b',
  '\u202etxt.exe\u2066\u200f',
  'nul\0bom\ufeffline\u2028',
  'half \ud83d of a pair',
].join(' ')
const UNSAFE = /(?!\n|\t)[\p{Cc}\p{Cs}\p{Bidi_Control}\p{Zl}\p{Zp}\ufeff]/u

class Screen implements Output {
  text = ''
  isTTY = true
  columns = 40
  rows = 10
  fail: (error: NodeJS.ErrnoException) => void = () => {}

  write(text: string): void {
    this.text += text
  }

  on(_event: 'error', listener: (error: NodeJS.ErrnoException) => void): void {
    this.fail = listener
  }

  /** What was written since the last time. */
  take(): string {
    const { text } = this
    this.text = ''
    return text
  }
}

function plain(lines: readonly Line[]): string[] {
  return lines.map(line => (typeof line === 'string' || 'text' in line ? [line] : line).map(textOf).join('').trimEnd())
}

describe('what may reach a terminal', () => {
  test('printable text holds no control but line feed and tab, and says where something was', () => {
    expect(printable(hostile)).not.toMatch(UNSAFE)
    expect(printable('a\r\nb\tc')).toBe('a\nb\tc')
    expect(printable('a\rb\u202ec')).toBe('a\ufffdb\ufffdc')
    expect(printable('naïve 数据库 👩‍👩‍👧 e\u0301')).toBe('naïve 数据库 👩‍👩‍👧 e\u0301')
  })

  test('whatever is printed or shown goes through it, styled or not', () => {
    const screen = new Screen()
    const terminal = new Terminal(screen, {})
    terminal.print(hostile, [styled('bad', hostile), `${hostile}\n${hostile}`])
    terminal.show([hostile])
    terminal.clear()
    const ours = new RegExp(`${ESC}\\[(\\d+(;\\d+)?m|\\?25[lh]|\\d+A\r|0J)`, 'g')
    expect(screen.text.replaceAll(ours, '').replaceAll(/\r?\n/g, '')).not.toMatch(/\p{Cc}|\p{Bidi_Control}/u)
  })
})

describe('a terminal', () => {
  test('redraws the block in place, below what is printed, and gives the cursor back', () => {
    const screen = new Screen()
    const terminal = new Terminal(screen, {})
    terminal.show(['one', 'two'])
    expect(screen.take()).toBe(`${ESC}[?25lone\ntwo\n`)
    terminal.print('done')
    expect(screen.take()).toBe(`${ESC}[2A\r${ESC}[0Jdone\none\ntwo\n`)
    terminal.show(['three'])
    expect(screen.take()).toBe(`${ESC}[2A\r${ESC}[0Jthree\n`)
    expect(process.listenerCount('exit')).toBeGreaterThan(0)
    terminal.clear()
    expect(screen.take()).toBe(`${ESC}[1A\r${ESC}[0J${ESC}[?25h`)
  })

  test('cuts the block to its size, and counts anew when it became narrower', () => {
    const screen = new Screen()
    const terminal = new Terminal(screen, {})
    terminal.show(Array.from({ length: 30 }, () => [styled('bold', 'x'.repeat(30)), 'y'.repeat(30)]))
    const lines = screen.take().split('\n')
    expect(lines).toHaveLength(10)
    expect(lines[1]).toBe(`${ESC}[1m${'x'.repeat(30)}${ESC}[0m${'y'.repeat(8)}…`)
    screen.columns = 20
    terminal.clear()
    expect(screen.take()).toContain(`${ESC}[18A`)
  })

  test.each([
    ['it is a pipe', false, {}],
    ['TERM is dumb', true, { TERM: 'dumb' }],
    ['CI is set', true, { CI: 'true' }],
    ['NO_COLOR is set', true, { NO_COLOR: '1' }],
  ])('has plain lines when %s', (_name, isTTY, env) => {
    const screen = Object.assign(new Screen(), { isTTY })
    const terminal = new Terminal(screen, env)
    terminal.show(['one'])
    terminal.print([styled('good', 'two'), '   '])
    terminal.clear()
    expect([terminal.isLive, screen.text]).toEqual([false, 'two\n'])
  })

  test('says once that its reader is gone, and writes no more', () => {
    const screen = new Screen()
    let broken = 0
    const terminal = new Terminal(screen, {}, () => broken++)
    screen.fail(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
    screen.fail(new Error('again'))
    terminal.print('one')
    expect([broken, terminal.broken?.code, screen.text]).toEqual([1, 'EPIPE', ''])
  })
})

describe('text in columns', () => {
  test('widths are those of a terminal: CJK and emoji take two, marks none', () => {
    expect(['abc', '数据', '👩‍👩‍👧', 'e\u0301', '🇩🇪', ''].map(displayWidth)).toEqual([3, 4, 2, 1, 2, 0])
  })

  test('what is cut, filled or wrapped is never wider than asked', () => {
    for (const text of ['', 'abc', 'a longer text with words', '数据库数据库数据库', 'x'.repeat(100_000), hostile])
      for (const width of [0, 1, 2, 7, 20]) {
        expect(displayWidth(cut(text, width))).toBeLessThanOrEqual(width)
        expect(displayWidth(fill(text, width))).toBe(width)
      }
    expect(cut('abcdef', 4)).toBe('abc…')
    expect(wrap('one two three', 8)).toEqual(['one two', 'three'])
    for (const width of [-3, 0, 1, 9]) {
      const lines = wrap(`数据库 ${'y'.repeat(30)} 数据库数据库 end`, width)
      expect(lines.join('').replaceAll(' ', '')).toBe(`数据库${'y'.repeat(30)}数据库数据库end`)
      for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(Math.max(8, width))
    }
  })

  test('times, amounts and shares are said in few characters', () => {
    expect([620, 45_100, 200_900].map(duration)).toEqual(['0.62 s', '45.1 s', '3 min 20 s'])
    expect([3, 0.067, 0, undefined].map(dollars)).toEqual(['$3.00', '$0.067', '$0.00', '-'])
    expect([210 / 315, 1.02].map(comparedTo)).toEqual(['33 % less', '2 % more'])
  })

  test('a table is cut where it may be, and then leaves columns out', () => {
    const columns: Column[] = [
      { title: 'id', least: 4 },
      { title: 'n', align: 'right' },
      { title: 'why', least: 6, leftOut: 1 },
    ]
    const rows = [
      ['a long name', '7', 'for some reason'],
      ['b', '12', ''],
    ]
    expect(plain(tableLines(columns, rows, 60))).toEqual([
      'id            n  why',
      'a long name   7  for some reason',
      'b            12',
    ])
    expect(plain(tableLines(columns, rows, 20))).toEqual(['id        n  why', 'a long…   7  for so…', 'b        12'])
    expect(plain(tableLines(columns, rows, 13))).toEqual(['id          n', 'a long n…   7', 'b          12'])
  })
})

describe('the command line', () => {
  test('has defaults, and paths from where it was typed', () => {
    expect(readFlags([], '/home')).toMatchObject({ scale: 0.01, run: {}, help: false })
    const given = ['plan.json', '--scale=0', '--only', 'a,b', '--only', 'c', '--failure-mode', 'kill', '--out', 'x']
    expect(readFlags(given, '/home')).toEqual({
      planFile: '/home/plan.json',
      scale: 0,
      out: '/home/x',
      run: { only: ['a', 'b', 'c'], failureMode: 'kill' },
      help: false,
    })
  })

  test.each([
    [['--scale', 'fast'], '--scale: expected a number from 0 to 4, got "fast"'],
    [['--scale', ' '], '--scale: expected a number'],
    [['--fast'], "Unknown option '--fast'. For all flags"],
    [['a.json', 'b.json'], 'expected the path of one plan, got 2'],
    [['--only', ','], '--only: expected ids of tasks'],
    [['--failure-mode', 'stop'], 'expected continue, no-new or kill, got "stop"'],
  ])('%j is refused', (args, message) => {
    expect(() => readFlags(args, '/')).toThrow(message)
  })
})

/** Runs tasks whose agents are functions, and gives what the views make of it. */
async function show(
  tasks: Partial<TaskSpec>[],
  agent: (id: string, attempt: number) => unknown,
  screen = new Screen(),
) {
  screen.isTTY = false
  const orchestrator = new Orchestrator({
    pools: { crew: { backend: ({ task }, { attempt }) => agent(task.id, attempt), concurrency: 2 } },
  })
  const run = orchestrator.run({ tasks })
  const result = await run.result.finally(follow(run, orchestrator, 'test', new Terminal(screen, {})))
  return { result, attempts: await attemptsOf(run.events()), said: screen.text.split('\n').map(line => line.slice(9)) }
}

describe('a run in plain lines', () => {
  test('tells starts, failures, ends and skips, each in one line that fits', async () => {
    const agent = (id: string): unknown => {
      if (id === 'bad') throw new Error(`${hostile} is wrong\nwith this`)
      return id
    }
    const tasks = [{ id: 'good' }, { id: 'bad', retries: 1, backoff: { baseMs: 0 } }, { id: 'next', after: ['bad'] }]
    const screen = Object.assign(new Screen(), { columns: 80 })
    const { said } = await show(tasks, agent, screen)
    expect(said).toContain('crew  good  started')
    expect(said).toContain('crew  bad   attempt 2 started')
    expect(said).toContain('crew  next  skipped: it needs bad')
    expect(said.some(line => line.startsWith('crew  bad   attempt 1 failed, again in 0.00 s: '))).toBe(true)
    expect(screen.text).not.toMatch(UNSAFE)
    for (const line of said) expect(displayWidth(line)).toBeLessThanOrEqual(80 - 9)
  })
})

describe('the report', () => {
  test('a task that was tried twice has two bars, and no line is wider than the screen', async () => {
    const agent = async (_id: string, attempt: number): Promise<string> => {
      await new Promise(resolve => setTimeout(resolve, 10))
      if (attempt === 1) throw new Error('not yet')
      return 'done'
    }
    const { result, attempts } = await show([{ id: 'again', backoff: { baseMs: 1 } }], agent)
    expect(attempts.get('again')?.map(span => span.succeeded)).toEqual([false, true])
    const [row, axis] = plain(timelineLines(result, result.tasks, attempts, 50))
    expect(row).toMatch(/^crew {2}again {2}▒+ *█+$/)
    expect(axis).toMatch(/^ {13}0 s +0\.0\d s$/)
    for (const width of [40, 100, 200])
      for (const line of plain(reportLines(result, attempts, width, false)))
        expect(displayWidth(line)).toBeLessThanOrEqual(width)
  })

  test('tasks that ended alike share a line, and only a run that completed is set beside the story', async () => {
    const tasks = ['a', 'b', 'c'].map(id => ({ id, retries: 0 }))
    const agent = (): never => {
      throw new Error('no')
    }
    const { result, attempts } = await show(tasks, agent)
    const lines = plain(reportLines(result, attempts, 100, true))
    expect(lines).toContain('a, b, c dead, agent: no')
    expect(lines.join('\n')).not.toContain('the story')
  })

  test('a plan without tasks has a report without tables', async () => {
    const { result, attempts } = await show([], () => 1)
    expect(reportLines(result, attempts, 80, false)).toEqual([])
  })

  test('findings are those that have the shape of one, the worst first', async () => {
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
    const { result } = await show(
      Object.keys(outputs).map(id => ({ id })),
      id => outputs[id],
    )
    const audits = auditsOf(result)
    expect(audits).toMatchObject({ count: 2, passed: 2, notCovered: ['csrf'] })
    expect(audits.findings.map(({ severity }) => severity)).toEqual(['critical', 'low'])
    const lines = plain(findingLines(audits, 60))
    expect(lines).toContain('critical  critical')
    expect(lines).toContain('2 checks passed')
    for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(60)
  })

  test('what to do next names files of the run only, ready for a shell', async () => {
    const outputs: Record<string, unknown> = {
      a: { kind: 'frontend', folder: 'front end', files: [{ name: 'x.html' }], entry: 'x.html' },
      b: { kind: 'backend', folder: '../..', files: [], start: 'etc/passwd' },
      c: { kind: 'backend', folder: 'b', start: '$(reboot).mjs', files: [3, { name: 4 }] },
    }
    const { result } = await show(
      Object.keys(outputs).map(id => ({ id })),
      id => outputs[id],
    )
    expect(plain(nextSteps(result, '/out/run', '/out')).slice(0, -2)).toEqual([
      "open the frontend   'run/front end/x.html'",
      "start the backend   node 'run/b/$(reboot).mjs'",
    ])
    expect(plain(fileLines(result, '/out/run', undefined, '/out')).slice(0, 2)).toEqual([
      'run',
      '  front end/  x.html  a',
    ])
    expect(shellPath('/a/b', '/x/y/z')).toBe('/a/b')
    expect(shellPath('/a/-rf', '/a')).toBe('/a/-rf')
    expect(shellPath("/a/it's", '/a')).toBe("'it'\\''s'")
  })
})

describe('the time that is left', () => {
  const event = { seq: 1, at: 0, runId: 'r', index: 0 }
  const estimateOf = (tasks: TaskSpec[], slots = 9): Estimate => {
    const estimate = new Estimate(() => slots)
    for (const spec of tasks) estimate.hear({ ...event, type: 'task.added', taskId: spec.id, spec })
    return estimate
  }
  const task = (id: string, after: string[] = []): TaskSpec => ({ id, description: id, pool: 'p', after })
  const running = (id: string, progress: number): RunningTask => ({ id, pool: 'p', attempt: 1, startedAt: 0, progress })

  test('is unknown before anything is known', () => {
    expect(estimateOf([task('a')]).leftMs([running('a', 0.05)], 1_000)).toBeUndefined()
  })

  test('follows the longest chain: what runs goes on as it began, what waits takes as long as others', () => {
    const estimate = estimateOf([task('last', ['b']), task('a'), task('b', ['a']), task('c')])
    expect(estimate.leftMs([running('a', 0.5), running('c', 0.25)], 1_000)).toBe(1_000 + 3_000 + 3_000)
    estimate.hear({
      ...event,
      type: 'attempt.started',
      taskId: 'a',
      attempt: 1,
      pool: 'p',
      backend: 'p',
      key: 'k',
      input: null,
    })
    estimate.hear({ ...event, at: 2_000, type: 'task.succeeded', taskId: 'a', attempt: 1, output: null })
    estimate.hear({ ...event, type: 'task.dead', taskId: 'c', failure: { kind: 'agent', message: '' } })
    expect(estimate.leftMs([], 2_000)).toBe(2_000 + 2_000)
  })

  test('is no less than what a pool has to do, divided by its slots', () => {
    const estimate = estimateOf([task('a'), task('b'), task('c'), task('d')], 2)
    expect(estimate.leftMs([running('a', 0.5)], 1_000)).toBe((1_000 + 3 * 2_000) / 2)
  })
})
