import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packageRoot } from '../../examples/restaurant/paths.js'
import { builtLibrary } from '../package/built.js'

const main = join(packageRoot, 'build/examples/restaurant/main.js')
const ESC = String.fromCharCode(27)
const hasProc = process.platform === 'linux'
/** The `script` of Linux gives a program a terminal; the others' have other flags. */
const hasScript = process.platform === 'linux' && existsSync('/usr/bin/script')
let folder: string

beforeAll(() => {
  builtLibrary()
  checkBuilt()
  folder = mkdtempSync(join(tmpdir(), 'restaurant-main-'))
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** `npm test` builds first, a single test file does not. */
function checkBuilt(): void {
  const builtAt = statSync(main, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const source = join(packageRoot, 'examples/restaurant')
  for (const path of readdirSync(source, { recursive: true, encoding: 'utf8' }))
    if (path.endsWith('.ts') && statSync(join(source, path)).mtimeMs > builtAt)
      throw new Error(`expected build/ to be newer than examples/restaurant/${path}: run \`npm run build\` first`)
}

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The variables of a person's shell: no CI. */
const env = { PATH: process.env.PATH ?? '', TERM: 'xterm-256color' }

/** Runs the main program with an output folder of its own. */
function start(name: string, ...args: string[]): Promise<Ended> {
  const argv = [main, '--out', join(folder, name), '--scale', '0', ...args]
  return new Promise(resolve => {
    const child = execFile(process.execPath, argv, { env, cwd: folder }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    )
  })
}

function plan(name: string, content: unknown): string {
  writeFileSync(join(folder, name), JSON.stringify(content))
  return name
}

/** The processes that write into the folder of this name. */
function processesOf(name: string): string[] {
  const mark = `RESTAURANT_OUT=${join(folder, name)}`
  const pids = readdirSync('/proc').filter(entry => /^\d+$/.test(entry))
  return pids.filter(pid => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark)
    } catch {
      return false
    }
  })
}

/** Resolves with all that was said until the text occurs. */
async function said(child: ChildProcess, text: string): Promise<string> {
  let all = ''
  for await (const chunk of child.stdout!.iterator({ destroyOnReturn: false })) {
    all += chunk
    if (all.includes(text)) return all
  }
  throw new Error(`expected to read "${text}", got ${all}`)
}

describe('npm start', () => {
  test('runs the story with processes and tells in plain lines what became of it', async () => {
    const { code, stdout, stderr } = await start('story')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).not.toContain(ESC)
    for (const id of ['task_1', 'task_2', 'task_3', 'task_4']) expect(stdout).toMatch(new RegExp(`${id} {2}done \\d`))
    expect(stdout).toMatch(/ s instead of [\d.]+ s one after the other: \d+ % (less|more); the story says 33 % less/)
    expect(stdout).toContain('FINDINGS: 4\ncritical  SQL injection possible in menu search')
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^restaurant: completed in [\d.]+ s for \$3\.00$/)
    const run = join(folder, 'story', readlinkSync(join(folder, 'story/latest')))
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

  test('places the tasks of another plan, shows what died and what it took along, and exits with 1', async () => {
    const file = plan('other.json', {
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
    expect(stdout).toContain('audit dead, timeout: the attempt took longer than 5 ms; skipped because of it: fix')
    expect(stdout).toContain('other: partial, 33 % delivered')
  })

  test('says what is wrong, on stderr and with exit code 2, and leaves nothing behind', async () => {
    const cycle = [
      { id: 'a', description: 'x', pool: 'codegen', after: ['b'] },
      { id: 'b', description: 'x', pool: 'codegen', after: ['a'] },
    ]
    const cases = [
      { args: ['missing.json'], says: join(folder, 'missing.json') },
      { args: [plan('cycle.json', { tasks: cycle })], says: '"a" -> "b" -> "a"' },
      { args: [plan('pool.json', { tasks: [{ id: 'a', pool: 'art' }] })], says: 'there is no pool "art"' },
      { args: [plan('odd.json', { tasks: [{ id: 'a', prio: 1 }, { id: 7 }] })], says: 'tasks[1].id: ' },
      { args: ['--out', 'cycle.json'], says: '--out: expected a folder' },
    ]
    const ended = await Promise.all(cases.map(({ args }) => start('refused', ...args)))
    for (const [i, { code, stdout, stderr }] of ended.entries()) {
      expect([code, stdout]).toEqual([2, ''])
      expect(stderr).toContain(cases[i]!.says)
    }
    expect(readdirSync(join(folder, 'refused'))).toEqual([])
  })

  test('ends without a word when its reader has seen enough', async () => {
    const child = spawn(process.execPath, [main, '--out', join(folder, 'head')], { env, cwd: folder })
    let stderr = ''
    child.stderr.on('data', chunk => {
      stderr += chunk
    })
    const exit = once(child, 'exit')
    await once(child.stdout, 'data')
    child.stdout.destroy()
    expect(await exit).toEqual([0, null])
    expect(stderr).toBe('')
    if (hasProc) expect(processesOf('head')).toEqual([])
  })

  test('SIGTERM stops the agents, the partial result is told, and the exit code says so', async () => {
    const child = spawn(process.execPath, [main, '--out', join(folder, 'term'), '--scale', '0.1'], { env, cwd: folder })
    const exit = once(child, 'exit')
    await said(child, 'planning the pages')
    if (hasProc) expect(processesOf('term').length).toBeGreaterThanOrEqual(3)
    child.kill('SIGTERM')
    const rest = await said(child, 'restaurant: cancelled, 0 % delivered')
    expect(await exit).toEqual([143, null])
    expect(rest).toContain('task_1, task_2, task_3, task_4 cancelled, stopped by SIGTERM')
    if (hasProc) expect(processesOf('term')).toEqual([])
  })
})

describe.skipIf(!hasScript)('npm start in a terminal', () => {
  function inTerminal(name: string, scale: string): ChildProcess {
    const command = `stty cols 70 rows 20; exec ${process.execPath} ${main} --out ${join(folder, name)} --scale ${scale}`
    return spawn('/usr/bin/script', ['-qec', command, '/dev/null'], { env: { ...env, SHELL: '/bin/sh' } })
  }

  test('redraws what runs, and gives the cursor back before the report', async () => {
    const child = inTerminal('live', '0.001')
    const exit = once(child, 'exit')
    const text = await said(child, 'restaurant: ')
    child.stdin!.end()
    expect(text).toMatch(/codegen {2}■■□ {2}task_1/)
    expect(text.split(`${ESC}[?25h`)).toHaveLength(2)
    expect(text.indexOf(`${ESC}[?25h`)).toBeLessThan(text.indexOf('TASKS'))
    expect(await exit).toEqual([0, null])
  })

  test('Ctrl-C stops the run, shows what there is and exits with 130', async () => {
    const child = inTerminal('ctrl-c', '0.1')
    const exit = once(child, 'exit')
    await said(child, 'planning the pages')
    child.stdin!.write('\u0003')
    const text = await said(child, 'restaurant: ')
    child.stdin!.end()
    expect(text).toContain(`${ESC}[?25h`)
    expect(text).toContain('cancelled, stopped with Ctrl-C')
    expect(await exit).toEqual([130, null])
    expect(processesOf('ctrl-c')).toEqual([])
  })
})
