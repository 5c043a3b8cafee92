import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { StoredRuns } from '../../examples/restaurant/stored-runs.js'
import { type Ended, ended, env, hasProc, main, outputUntil, Program } from './restaurant-program.js'

const ESC = String.fromCharCode(27)
/** `script` of Linux runs a program in a terminal; on other platforms it has other flags. */
const hasScript = process.platform === 'linux' && existsSync('/usr/bin/script')
let program: Program

beforeAll(() => {
  program = new Program()
})

afterAll(() => program.remove())

/** Runs the main program with agents that take no time. */
function start(name: string, ...args: string[]): Promise<Ended> {
  return program.run(name, '--scale', '0', ...args)
}

describe.concurrent('npm start', () => {
  test('runs the sample plan with processes and prints the report in plain lines', async ({ expect }) => {
    const { code, stdout, stderr } = await start('story')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).not.toContain(ESC)
    for (const id of ['task_1', 'task_2', 'task_3', 'task_4']) expect(stdout).toMatch(new RegExp(`${id} {2}done \\d`))
    expect(stdout).toMatch(/ s instead of [\d.]+ s serially: \d+ % (less|more); expected: 33 % less/)
    expect(stdout).toContain('FINDINGS: 4\ncritical  SQL injection possible in menu search')
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^restaurant: completed in [\d.]+ s for \$3\.00$/)
    const run = join(program.out('story'), readlinkSync(join(program.out('story'), 'latest')))
    for (const path of [
      'frontend/index.html',
      'backend/server.mjs',
      'database/schema.sql',
      'security/task_4/report.json',
    ])
      expect(existsSync(join(run, path))).toBe(true)
    const result = JSON.parse(readFileSync(join(run, 'result.json'), 'utf8'))
    expect(result).toMatchObject({ outcome: 'completed', times: { criticalPath: ['task_2', 'task_4'] } })
    expect(result.usage.costUsd).toBeCloseTo(3)
    expect(stdout).toContain(`node story/${result.runId}/backend/server.mjs`)
  })

  test('routes the tasks of another plan, reports dead and skipped tasks, and exits with 1', async ({ expect }) => {
    const file = program.plan('other.json', {
      tasks: [
        { id: 'ui\u202e', description: `Build a ${ESC}[31mReact${ESC}[0m button component ${ESC}]52;c;aGk=\u0007` },
        { id: 'audit', description: 'Audit the code for vulnerabilities', timeoutMs: 5, retries: 0 },
        { id: 'fix', description: 'Fix the bug', after: ['audit'] },
      ],
    })
    const { code, stdout } = await start('other', file)
    expect(code).toBe(1)
    expect(stdout).not.toMatch(/(?!\n)\p{Cc}|\p{Bidi_Control}/u)
    expect(stdout).toMatch(/ui\ufffd +codegen +succeeded/)
    expect(stdout).toMatch(/audit +security +dead/)
    expect(stdout).toContain('audit dead, timeout: the attempt took longer than 5 ms; skipped: fix')
    expect(stdout).toContain('other: partial, 33 % delivered')
  })

  test('reports usage errors on stderr with exit code 2, and leaves no files behind', async ({ expect }) => {
    const cycle = [
      { id: 'a', description: 'x', pool: 'codegen', after: ['b'] },
      { id: 'b', description: 'x', pool: 'codegen', after: ['a'] },
    ]
    const cases = [
      { args: ['missing.json'], message: join(program.folder, 'missing.json') },
      { args: [program.plan('cycle.json', { tasks: cycle })], message: '"a" -> "b" -> "a"' },
      { args: [program.plan('pool.json', { tasks: [{ id: 'a', pool: 'art' }] })], message: 'there is no pool "art"' },
      { args: [program.plan('odd.json', { tasks: [{ id: 'a', prio: 1 }, { id: 7 }] })], message: 'tasks[1].id: ' },
      { args: ['--out', 'cycle.json'], message: '--out: expected a folder' },
    ]
    const ended = await Promise.all(cases.map(({ args }) => start('refused', ...args)))
    for (const [i, { code, stdout, stderr }] of ended.entries()) {
      expect([code, stdout]).toEqual([2, ''])
      expect(stderr).toContain(cases[i]!.message)
    }
    expect(readdirSync(program.out('refused'))).toEqual([])
  })

  test('exits silently when its output is closed, and suspends the run', async ({ expect }) => {
    const child = program.start('head')
    await once(child.stdout!, 'data')
    child.stdout!.destroy()
    const { code, stderr } = await ended(child)
    expect([code, stderr]).toEqual([0, ''])
    if (hasProc) expect(program.agentsOf('head')).toEqual([])
    const { runs } = await new StoredRuns(program.out('head')).list()
    expect(runs).toMatchObject([{ title: 'restaurant', status: 'suspended', total: 4 }])
  })

  test('SIGTERM gives agents two seconds, suspends the run, and exits with 143', async ({ expect }) => {
    const child = program.start('term', '--scale', '0.1')
    await outputUntil(child, 'planning the pages')
    if (hasProc) expect(program.agentsOf('term').length).toBeGreaterThanOrEqual(3)
    child.kill('SIGTERM')
    const { code, stdout } = await ended(child)
    expect(code).toBe(143)
    expect(stdout).toContain('stopped by SIGTERM: running agents have 2 s to finish; repeat to exit at once')
    expect(stdout).toContain('task_1  attempt 1 was interrupted: stopped; it is retried when the run is resumed')
    expect(stdout).toContain('UNFINISHED: 4 TASKS\ntask_1, task_2, task_3, task_4\n')
    expect(stdout).toContain('npm start -- --continue --out term\n')
    expect(stdout).toContain('restaurant: suspended, 0 of 4 tasks succeeded')
    if (hasProc) expect(program.agentsOf('term')).toEqual([])
  })
})

describe.skipIf(!hasScript).concurrent('npm start in a terminal', () => {
  function inTerminal(name: string, scale: string): ChildProcess {
    const command = `stty cols 70 rows 20; exec ${process.execPath} ${main} --out ${program.out(name)} --scale ${scale}`
    return spawn('/usr/bin/script', ['-qec', command, '/dev/null'], { env: { ...env, SHELL: '/bin/sh' } })
  }

  test('redraws the running tasks, and shows the cursor again before the report', async ({ expect }) => {
    const child = inTerminal('live', '0.001')
    const exit = once(child, 'exit')
    const text = await outputUntil(child, 'restaurant: ')
    child.stdin!.end()
    expect(text).toMatch(/codegen {2}■■□ {2}task_1/)
    expect(text.split(`${ESC}[?25h`)).toHaveLength(2)
    expect(text.indexOf(`${ESC}[?25h`)).toBeLessThan(text.indexOf('TASKS'))
    expect(await exit).toEqual([0, null])
  })

  test('Ctrl-C suspends the run, prints the report and exits with 130', async ({ expect }) => {
    const child = inTerminal('ctrl-c', '0.02')
    const exit = once(child, 'exit')
    await outputUntil(child, '■')
    child.stdin!.write('\u0003')
    const text = await outputUntil(child, 'restaurant: ')
    child.stdin!.end()
    expect(text).toContain('stopped by Ctrl-C: running agents have')
    expect(text.indexOf('stopping')).toBeLessThan(text.indexOf(`${ESC}[?25h`))
    expect(text).toMatch(/restaurant: .*suspended/)
    expect(await exit).toEqual([130, null])
    expect(program.agentsOf('ctrl-c')).toEqual([])
  })
})
