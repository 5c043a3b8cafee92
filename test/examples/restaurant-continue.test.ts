import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { ended, hasProc, outputUntil, Program } from './restaurant-program.js'

let program: Program

beforeAll(() => {
  program = new Program()
})

afterAll(() => program.remove())

/** The run id in the output. */
function runIdIn(text: string): string {
  return /run (\S+)/.exec(text)![1]!
}

/** The modification time of a file of a run. */
function writtenAt(name: string, runId: string, path: string): number {
  return statSync(join(program.out(name), runId, path)).mtimeMs
}

/** The number of attempts of each task, from the result file. */
function attempts(name: string, runId: string): number[] {
  const { tasks } = JSON.parse(readFileSync(join(program.out(name), runId, 'result.json'), 'utf8'))
  return tasks.map((task: { attempts: number }) => task.attempts)
}

/** The tasks that are followed by `what` in the output. */
function tasksIn(text: string, what: string): string[] {
  return [...text.matchAll(new RegExp(`(task_\\d) +${what}`, 'g'))].map(match => match[1]!).sort()
}

/** Freezes a process, which would otherwise exit when its output is closed. Returns false if it has exited. */
function freeze(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGSTOP')
  } catch {
    return false
  }
}

describe.concurrent('npm start -- --continue', () => {
  test('runs only unfinished tasks after Ctrl-C, and only reports once the run has settled', async ({ expect }) => {
    const child = program.start('ctrl-c', '--scale', '0.01')
    const begun = await outputUntil(child, 'task_2  started')
    child.kill('SIGINT')
    const stopped = await ended(child)
    expect(stopped.code).toBe(130)
    expect(stopped.stdout).toContain('UNFINISHED: 1 TASK\ntask_4\n')
    expect(stopped.stdout).toContain('npm start -- --continue --out ctrl-c\n')
    expect(stopped.stdout).toContain('restaurant: suspended, 3 of 4 tasks succeeded')
    const runId = runIdIn(begun)
    const files = ['frontend/index.html', 'backend/server.mjs', 'database/schema.sql']
    const before = files.map(path => writtenAt('ctrl-c', runId, path))
    const { code, stdout, stderr } = await program.run('ctrl-c', '--continue', '--scale', '0')
    expect([code, stderr]).toEqual([0, ''])
    expect(runIdIn(stdout)).toBe(runId)
    expect(tasksIn(stdout, 'done')).toEqual(['task_1', 'task_2', 'task_3', 'task_4'])
    expect(tasksIn(stdout, 'started')).toEqual(['task_4'])
    expect(stdout).toContain('FINDINGS: 4\n')
    expect(files.map(path => writtenAt('ctrl-c', runId, path))).toEqual(before)
    expect(attempts('ctrl-c', runId)).toEqual([1, 1, 1, 1])
    const commands = [['--continue'], ['--continue', runId], ['--list']]
    const [none, over, listed] = await Promise.all(commands.map(each => program.run('ctrl-c', ...each)))
    expect(none).toMatchObject({ code: 2, stdout: '' })
    expect(none?.stderr).toContain('expected a run that can be continued')
    expect(over?.code).toBe(0)
    expect(over?.stdout).toMatch(/^\nTASKS\n/)
    expect(stdout.endsWith(over!.stdout)).toBe(true)
    expect(listed?.stdout).toMatch(new RegExp(`${runId} +restaurant +completed +4 of 4 .* \\$3\\.00\\n$`))
  })

  const afterKill = 'terminates orphans after kill -9, repeats no finished task, and allows one process at a time'
  test.runIf(hasProc)(afterKill, async ({ expect }) => {
    const child = program.start('killed', '--scale', '0.02')
    const begun = await outputUntil(child, 'task_3  done')
    const agents = program.agentsOf('killed').filter(freeze)
    child.kill('SIGKILL')
    await once(child, 'exit')
    const runId = runIdIn(begun)
    const schemaAt = writtenAt('killed', runId, 'database/schema.sql')
    expect(program.agentsOf('killed')).toEqual(agents)
    const first = program.start('killed', '--continue', '--scale', '0')
    const begunAgain = await outputUntil(first, 'resumed after a pause of')
    // A stopped process still holds the lock of its run.
    first.kill('SIGSTOP')
    const others = await Promise.all([program.run('killed', '--continue'), program.run('killed', '--delete', runId)])
    first.kill('SIGCONT')
    for (const { code, stdout, stderr } of others) {
      expect([code, stdout]).toEqual([2, ''])
      expect(stderr).toContain(`it is locked by pid ${first.pid} `)
    }
    const { code, stdout } = await ended(first)
    expect(code).toBe(0)
    expect(tasksIn(begunAgain + stdout, 'attempt 1 was interrupted')).toEqual(['task_1', 'task_2'])
    expect(program.agentsOf('killed')).toEqual([])
    expect(attempts('killed', runId)).toEqual([2, 2, 1, 1])
    expect(writtenAt('killed', runId, 'database/schema.sql')).toBe(schemaAt)
  })

  test('keeps the original flags after a second Ctrl-C, which exits at once', async ({ expect }) => {
    const child = program.start('twice', '--scale', '0.02', '--only', 'task_1')
    await outputUntil(child, 'task_1  started')
    child.kill('SIGINT')
    await outputUntil(child, 'to finish; repeat to exit at once')
    // An earlier signal would count as the same Ctrl-C, forwarded by npm.
    await sleep(350)
    child.kill('SIGINT')
    expect(await once(child, 'exit')).toEqual([130, null])
    if (hasProc) expect(program.agentsOf('twice')).toEqual([])
    const { code, stdout } = await program.run('twice', '--continue')
    expect(code).toBe(0)
    expect(tasksIn(stdout, 'attempt 2 started')).toEqual(['task_1'])
    const [, seconds] = /task_1 +codegen +succeeded +2 +([\d.]+) s/.exec(stdout) ?? []
    expect(Number(seconds)).toBeGreaterThan(0.02 * 60)
    expect(stdout).toContain('restaurant: completed')
  })
})
