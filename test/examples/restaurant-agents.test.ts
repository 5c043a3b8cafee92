import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAssignment, readSettings, type AgentTask as Task } from '../../examples/restaurant/agents/agent.js'
import { folderName, inside } from '../../examples/restaurant/agents/files.js'
import type { Report } from '../../examples/restaurant/agents/report.js'
import { withBackend } from '../../examples/restaurant/agents/running-backend.js'
import { schemaSql } from '../../examples/restaurant/agents/schema.js'
import { suspicious } from '../../examples/restaurant/agents/static-check.js'
import { tables } from '../../examples/restaurant/agents/tables.js'
import { targetAt } from '../../examples/restaurant/agents/target.js'
import { packageRoot, planFile, templatesFolder } from '../../examples/restaurant/paths.js'

/** The output of an agent: its progress lines, and the last line. */
interface AgentOutput {
  code: number | null
  progress: number[]
  last: { output?: Record<string, unknown>; usage?: { costUsd: number }; error?: { kind: string; message: string } }
}

const plan: Task[] = JSON.parse(readFileSync(planFile, 'utf8')).tasks
const [frontendTask, backendTask, schemaTask, auditTask] = plan as [Task, Task, Task, Task]
const programs = join(packageRoot, `build/restaurant-agents-test-${process.pid}`)
let out: string

beforeAll(() => {
  out = mkdtempSync(join(tmpdir(), 'restaurant-'))
  compileAgents()
})

afterAll(() => {
  for (const folder of [programs, out]) rmSync(folder, { recursive: true, force: true })
})

/** Builds the agent programs only, not the whole project. */
function compileAgents(): void {
  const source = join(packageRoot, 'examples/restaurant')
  mkdirSync(join(programs, 'agents'), { recursive: true })
  for (const file of ['paths.ts', ...readdirSync(join(source, 'agents')).map(name => `agents/${name}`)]) {
    const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 }
    const { outputText } = ts.transpileModule(readFileSync(join(source, file), 'utf8'), { compilerOptions })
    writeFileSync(join(programs, file.replace(/\.ts$/, '.js')), outputText)
  }
}

function start(pool: string, scale: number): ChildProcessWithoutNullStreams {
  const env = { RESTAURANT_OUT: out, RESTAURANT_SCALE: String(scale) }
  const child = spawn(process.execPath, [join(programs, `agents/${pool}.js`)], { env, stdio: 'pipe' })
  child.stderr.resume()
  return child
}

async function runAgent(pool: string, line: string, scale = 0): Promise<AgentOutput> {
  const child = start(pool, scale)
  child.stdin.end(`${line}\n`)
  let text = ''
  child.stdout.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  const [code] = await once(child, 'close')
  const lines = JSON.parse(`[${text.trimEnd().replaceAll('\n', ',')}]`)
  return { code, progress: lines.flatMap((output: { progress?: number }) => output.progress ?? []), last: lines.at(-1) }
}

function perform(task: Task, outputs: object = {}, scale = 0): Promise<AgentOutput> {
  return runAgent(task.pool, JSON.stringify({ task, input: null, outputs, attempt: 1 }), scale)
}

const isUp = (url: string): Promise<boolean> => fetch(url).then(Boolean, () => false)
const written = (path: string): string => readFileSync(join(out, path), 'utf8')
const findingsOf = (output: AgentOutput): string[] =>
  (output.last.output as unknown as Report).findings.map(finding => finding.id)

describe('the agents of the sample plan', () => {
  test('build a frontend, a backend and a schema, and the audit finds the expected vulnerabilities', async () => {
    const built = await Promise.all([perform(frontendTask), perform(backendTask), perform(schemaTask)])
    const audited = await perform(auditTask, { [backendTask.id]: built[1].last.output })
    expect([...built, audited].map(output => output.code)).toEqual([0, 0, 0, 0])
    expect(findingsOf(audited)).toEqual(['menu-search-injection', 'booking-csrf', 'payment-rate-limit', 'review-xss'])
    expect(audited.last.output).toMatchObject({ kind: 'audit', target: 'backend', notCovered: [] })
    expect((audited.last.output as unknown as Report).passed).toHaveLength(7)
    expect(JSON.parse(written('security/task_4/report.json')).findings[0].evidence).toContain('Staff Curry')
    expect([...built, audited].reduce((sum, output) => sum + output.last.usage!.costUsd, 0)).toBeCloseTo(3)
  })

  test('report increasing progress, and take the scaled time', async () => {
    const startedAt = performance.now()
    const { progress } = await perform(frontendTask, {}, 0.005)
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(290)
    expect(progress).toEqual([0.1, 0.25, 0.5, 0.75])
  })

  test('build a backend that serves the frontend, and accepts bookings and payments', async () => {
    await Promise.all([perform(frontendTask), perform(backendTask)])
    await withBackend(join(out, 'backend/server.mjs'), async url => {
      const target = targetAt(url)
      expect((await target.get('/')).text).toContain('<h3>Butter Chicken</h3>')
      expect((await target.get('/')).text).not.toContain('Staff Curry')
      expect((await target.get('/api/menu?search=PANEER')).json).toMatchObject({ dishes: [{ name: 'Palak Paneer' }] })
      const { cookie } = await target.get('/book')
      const booking = { guest: 'Asha', day: '2030-05-01', hour: '19:30', party: '4' }
      expect((await target.post('/api/bookings', booking)).status).toBe(401)
      expect((await target.post('/api/bookings', booking, { cookie })).status).toBe(201)
      expect((await target.post('/api/bookings', { ...booking, party: '40' }, { cookie })).status).toBe(400)
      expect((await target.post('/api/orders', { dishes: '1,4' })).json).toMatchObject({ id: 2, total_cents: 2080 })
      const payment = { orderId: '2', amountCents: '2080', card: '4111111111111111' }
      expect((await target.post('/api/payments', payment)).json).toMatchObject({ card_last4: '1111' })
      expect((await target.post('/api/payments', payment)).status).toBe(404)
    })
  })

  test('use an existing schema for the backend', async () => {
    const schema = await perform(schemaTask)
    const backend = await perform(backendTask, { [schemaTask.id]: schema.last.output })
    expect(backend.last.output).toMatchObject({ kind: 'backend', schemaFrom: 'task_3' })
    const tableNames = (schema.last.output!.tables as { name: string }[]).map(table => table.name)
    expect(Object.keys(JSON.parse(written('backend/data.json')))).toEqual(tableNames)
  })

  test('find no vulnerability in a repaired backend', async () => {
    const { last } = await perform(backendTask)
    cpSync(join(out, 'backend'), join(out, 'repaired'), { recursive: true })
    writeFileSync(join(out, 'repaired/server.mjs'), repaired(written('backend/server.mjs')))
    const audited = await perform(auditTask, { task_2: { ...last.output, folder: 'repaired' } })
    expect(findingsOf(audited)).toEqual([])
    expect((audited.last.output as unknown as Report).passed).toHaveLength(11)
  })
})

/** The backend with the fixes of all findings. */
function repaired(server: string): string {
  const filled = (expression: string): string => `$\{${expression}}`
  const fixes: Record<string, string> = {
    [filled('term')]: filled('term.replaceAll("\'", "\'\'")'),
    [filled('review.comment')]: filled("review.comment.replaceAll('<', '&lt;')"),
    'const party =': "if (!fields.token) return json(403, { error: 'no token' })\n  const party =",
    'const open =': "if (++tries > 10) return json(429, { error: 'slow down' })\n  const open =",
    'const tables =': 'let tries = 0\nconst tables =',
  }
  for (const hole of Object.keys(fixes)) expect(server).toContain(hole)
  return Object.entries(fixes).reduce((text, [hole, fix]) => text.replace(hole, () => fix), server)
}

describe('the agents with another plan', () => {
  test.each(['codegen', 'database'])('%s leaves an artifact in a folder of the task', async pool => {
    const task = { id: 'ship/it', pool, description: 'Ship the newsletter\nsoon' }
    const { code, last } = await perform(task)
    expect(code).toBe(0)
    expect(last.output).toMatchObject({ kind: 'artifact', folder: `${pool}/${folderName('ship/it')}` })
    for (const { name } of last.output!.files as { name: string }[])
      expect(existsSync(join(out, last.output!.folder as string, name))).toBe(true)
  })

  test('security reads the files of earlier tasks, or reports that there are none', async () => {
    mkdirSync(join(out, 'other'))
    writeFileSync(join(out, 'other/main.mjs'), 'const apiKey = "not-so-secret"\nexport default apiKey\n')
    const task = { id: 'check', pool: 'security', description: 'Audit it' }
    const read = await perform(task, { build: { folder: 'other', files: [{ name: 'main.mjs' }] }, talk: 'done' })
    expect(read.last.output).toMatchObject({ target: 'files', findings: [{ where: 'other/main.mjs:1' }] })
    expect((await perform(task)).last.output).toMatchObject({ target: 'nothing', findings: [], passed: [] })
  })
})

describe('a failing agent', () => {
  test.each([
    ['nothing', '', 'got nothing'],
    ['no JSON', '{"task":', 'got "{"task":"'],
    ['no task', '{"input":1}', 'no task with three strings'],
  ])('%s on stdin is an error line and exit code 1', async (_name, line, part) => {
    const { code, last } = await runAgent('codegen', line)
    expect([code, last.error?.kind]).toEqual([1, 'agent'])
    expect(last.error?.message).toContain(part)
  })

  test('fails the audit with the output of a backend that does not start', async () => {
    mkdirSync(join(out, 'broken'))
    writeFileSync(join(out, 'broken/server.mjs'), 'throw new Error("no database")\n')
    const audit = (start: string): Promise<AgentOutput> =>
      perform(auditTask, { task_2: { kind: 'backend', folder: 'broken', start } })
    expect((await audit('server.mjs')).last.error?.message).toContain('no database')
    expect((await audit('missing.mjs')).last.error?.message).toContain('got no such file')
    expect((await audit('../../outside.mjs')).last.error?.message).toContain("expected a path inside the run's folder")
  })

  test.each(['SIGTERM', 'SIGKILL'] as const)('%s in the middle of an audit leaves no server behind', async signal => {
    await perform(backendTask)
    mkdirSync(join(out, signal))
    const printsItsPort = `import { writeFileSync } from 'node:fs'
      const log = console.log
      console.log = line => { writeFileSync('port.json', line); log(line) }
      await import('../backend/server.mjs')`
    writeFileSync(join(out, signal, 'server.mjs'), printsItsPort)
    const agent = start('security', 4)
    const outputs = { task_2: { kind: 'backend', folder: signal, start: 'server.mjs' } }
    agent.stdin.write(`${JSON.stringify({ task: auditTask, outputs })}\n`)
    const portFile = join(out, signal, 'port.json')
    while (!existsSync(portFile) || readFileSync(portFile, 'utf8') === '') await sleep(10)
    const { url } = JSON.parse(readFileSync(portFile, 'utf8'))
    expect(await isUp(url)).toBe(true)
    agent.kill(signal)
    expect(await once(agent, 'exit')).toEqual(signal === 'SIGTERM' ? [143, null] : [null, 'SIGKILL'])
    await expect.poll(() => isUp(url), { timeout: 5_000 }).toBe(false)
  })
})

describe('parts of the agents', () => {
  test('tables reference earlier ones only, and every reference has an index', () => {
    const seen = new Set<string>()
    for (const { name, columns, indexes } of tables) {
      for (const column of columns.filter(text => text.includes(' references '))) {
        expect(seen).toContain(/references (\w+)/.exec(column)?.[1])
        expect(indexes.map(index => index.split(',')[0])).toContain(column.split(' ')[0])
      }
      seen.add(name)
    }
    expect([...seen]).toEqual(expect.arrayContaining(['restaurants', 'menus', 'orders', 'payments']))
    expect(schemaSql(tables).match(/^create table/gm)).toHaveLength(tables.length)
  })

  test('validates settings and assignments, with defaults', () => {
    const task = { id: 'a', description: 'b', pool: 'codegen' }
    expect(parseAssignment(JSON.stringify({ task }))).toEqual({ task, input: null, outputs: {}, attempt: 1 })
    expect(readSettings({ RESTAURANT_OUT: '/out' })).toEqual({ folder: '/out', scale: 0.01 })
    expect(readSettings({ RESTAURANT_OUT: '/out', RESTAURANT_SCALE: '0' }).scale).toBe(0)
    expect(() => readSettings({})).toThrow('expected RESTAURANT_OUT')
    expect(() => readSettings({ RESTAURANT_OUT: '/out', RESTAURANT_SCALE: 'fast' })).toThrow('got "fast"')
  })

  test('rejects paths outside the run folder, and gives different ids different folders', () => {
    expect(inside('/out', 'a/b')).toBe('/out/a/b')
    for (const path of ['../x', '/etc/passwd', 'a/../../x', '.'])
      expect(() => inside('/out', path)).toThrow('expected a path')
    expect(folderName('task_1')).toBe('task_1')
    const ids = ['../x', '..\\x', 'A', 'a', 'ž', 'é', 'x'.repeat(50), 'x'.repeat(51)]
    expect(new Set(ids.map(folderName)).size).toBe(ids.length)
    for (const id of ids) expect(folderName(id)).toMatch(/^[a-z0-9_-]{1,60}$/)
  })

  test('distinguishes dangerous lines from harmless ones', () => {
    const ids = (text: string): string[] => suspicious(text).map(({ pattern }) => pattern.id)
    expect(ids(readFileSync(join(templatesFolder, 'backend/server.mjs'), 'utf8'))).toEqual(['query-from-text'])
    expect(ids('const password = "hunter2hunter2"\neval(text)')).toEqual(['secret-in-source', 'code-from-text'])
    expect(ids('const password = process.env.PASSWORD')).toEqual([])
  })
})
