import { spawn, spawnSync } from 'node:child_process'
import { getEventListeners } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type Attempt, attempt, isAlive, script, shell, until } from './run-attempt.js'

const onLinux = process.platform === 'linux'

/** The pids that the agent of an attempt reports as progress. */
async function pidsOf({ reports }: Attempt, count: number): Promise<number[]> {
  await until(() => reports.length >= count)
  return reports.map(report => Number(report.message))
}

const printPid = `echo "{\\"message\\": \\"$$\\"}"`

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  } catch {
    return ''
  }
}

function timed<T>(work: Promise<T>): Promise<number> {
  const start = performance.now()
  const ms = (): number => performance.now() - start
  return work.then(ms, ms)
}

test('an abort ends an agent that obeys TERM at once', async () => {
  const agent = attempt(shell(`${printPid}; exec sleep 60`, { output: 'jsonl', killGraceMs: 5_000 }))
  const [pid] = await pidsOf(agent, 1)
  agent.abort.abort()
  expect(await timed(agent.result)).toBeLessThan(1_000)
  await expect(agent.result).rejects.toMatchObject({ kind: 'interrupted', code: 'ABORTED' })
  expect(isAlive(pid!)).toBe(false)
})

test('an agent that ignores TERM gets KILL after killGraceMs, not before', async () => {
  const agent = attempt(
    shell(`trap '' TERM; ${printPid}; while :; do sleep 1; done`, { output: 'jsonl', killGraceMs: 300 }),
  )
  const [pid] = await pidsOf(agent, 1)
  agent.abort.abort()
  agent.abort.abort()
  const ms = await timed(agent.result)
  expect(ms).toBeGreaterThanOrEqual(295)
  expect(ms).toBeLessThan(1_500)
  expect(isAlive(pid!)).toBe(false)
})

test('an agent can clean up within killGraceMs, and its output is still read', async () => {
  const source = `
    process.on('SIGTERM', () => process.stdout.write('x'.repeat(2e6) + '\\n', () => {
      console.log('{"message": "tidy"}')
      process.exitCode = 0
      clearInterval(timer)
    }))
    const timer = setInterval(() => {}, 1000)
    console.log('{"message": "' + process.pid + '"}')`
  const agent = attempt(script(source, { output: 'jsonl', killGraceMs: 5_000 }))
  await pidsOf(agent, 1)
  agent.abort.abort()
  await expect(agent.result).rejects.toMatchObject({ code: 'ABORTED' })
  expect(agent.reports.at(-1)).toEqual({ message: 'tidy' })
})

test('the children of an agent that TERM ends get killGraceMs too', async () => {
  const child = `trap 'sleep 0.1; echo "{\\"message\\": \\"tidy\\"}"; exit' TERM; ${printPid}; while :; do sleep 0.02; done`
  const agent = attempt(
    shell('trap - TERM; sh -c "$CHILD" & wait', { output: 'jsonl', setEnv: { CHILD: child }, killGraceMs: 5_000 }),
  )
  await pidsOf(agent, 1)
  agent.abort.abort()
  await expect(agent.result).rejects.toMatchObject({ code: 'ABORTED' })
  expect(agent.reports.at(-1)).toEqual({ message: 'tidy' })
})

test('an abort while the input is written, and one after the end, are harmless', async () => {
  const agent = attempt(shell(`${printPid}; exec sleep 60`, { output: 'jsonl', stdin: () => 'x'.repeat(10_000_000) }))
  const [pid] = await pidsOf(agent, 1)
  agent.abort.abort()
  await expect(agent.result).rejects.toMatchObject({ code: 'ABORTED' })
  expect(isAlive(pid!)).toBe(false)
  const quick = attempt(shell('true'))
  await quick.result
  quick.abort.abort()
})

test('an abort while the output is held open after the end ends the wait', async () => {
  const agent = attempt(shell(`${printPid}; sleep 60 & exit 0`, { output: 'jsonl', drainMs: 30_000 }))
  const [pid] = await pidsOf(agent, 1)
  await until(() => !isAlive(pid!))
  agent.abort.abort()
  expect(await timed(agent.result)).toBeLessThan(1_000)
})

test('a grandchild that keeps the output open delays the end by drainMs only, and is killed', async () => {
  const grandchild = `sh -c '${printPid}; exec sleep 60' &`
  const agent = attempt(shell(`${grandchild} sleep 0.1; echo '{"output": "done"}'`, { output: 'jsonl', drainMs: 200 }))
  const ms = await timed(agent.result)
  await expect(agent.result).resolves.toMatchObject({ output: 'done' })
  expect(ms).toBeGreaterThanOrEqual(290)
  expect(ms).toBeLessThan(2_000)
  const [pid] = await pidsOf(agent, 1)
  expect(isAlive(pid!)).toBe(false)
})

test.skipIf(!onLinux)('a grandchild in a session of its own is killed (Linux)', async () => {
  const grandchild = `setsid sh -c 'trap "" TERM; ${printPid}; while :; do sleep 1; done' </dev/null &`
  const agent = attempt(shell(`${grandchild} ${printPid}; wait; sleep 60`, { output: 'jsonl' }))
  const pids = await pidsOf(agent, 2)
  agent.abort.abort()
  await expect(agent.result).rejects.toMatchObject({ code: 'ABORTED' })
  expect(pids.filter(isAlive)).toEqual([])
})

test.skipIf(!onLinux)(
  'an orphaned descendant without output is killed after an end without abort (Linux)',
  async () => {
    const orphan = `setsid sh -c 'setsid sleep 61.5 & echo $! >&2' </dev/null >/dev/null`
    const agent = attempt(shell(`${orphan}; exit 4`))
    const failure = await agent.result.catch((error: Error) => error)
    const pid = Number(/(\d+)$/.exec((failure as Error).message)?.[1])
    expect(pid).toBeGreaterThan(0)
    expect(isAlive(pid)).toBe(false)
  },
)

test.skipIf(!onLinux)('a descendant without environment is found through its parent, and killed (Linux)', async () => {
  const stripped = `env -i setsid sh -c '${printPid}; sleep 60' </dev/null &`
  const agent = attempt(shell(`${stripped} wait`, { output: 'jsonl' }))
  const pids = await pidsOf(agent, 1)
  agent.abort.abort()
  await expect(agent.result).rejects.toMatchObject({ code: 'ABORTED' })
  expect(pids.filter(isAlive)).toEqual([])
})

test.skipIf(!onLinux)('children that fork and die faster than a scan do not escape (Linux)', async () => {
  const name = `67.${process.pid}`
  const chain = `setsid -f sh -c "setsid -f sh -c 'setsid -f sleep ${name}'" </dev/null >/dev/null 2>&1`
  const orphan = `setsid sh -c "setsid sleep ${name} & exit 0" </dev/null >/dev/null 2>&1 &`
  const row = async (source: string): Promise<void> => {
    for (let i = 0; i < 10; i++) {
      const agent = attempt(shell(source, { killGraceMs: 50, drainMs: 50 }))
      if (i % 3 === 0) setTimeout(() => agent.abort.abort(), i)
      await agent.result.catch(() => undefined)
    }
  }
  await Promise.all([row(chain), row(chain), row(orphan), row(`${chain}; ${orphan} exec sleep 0.01`)])
  const left = readdirSync('/proc').filter(pid => /^\d+$/.test(pid) && commandOf(pid).startsWith(`sleep\0${name}`))
  expect(left).toEqual([])
})

test('processes of other attempts are not killed', async () => {
  const unrelated = spawn('sleep', ['60'])
  const other = attempt(shell(`${printPid}; exec sleep 60`, { output: 'jsonl' }))
  const [pid] = await pidsOf(other, 1)
  const agent = attempt(shell('trap "" TERM; while :; do sleep 1; done', { killGraceMs: 50 }))
  setTimeout(() => agent.abort.abort(), 50)
  await expect(agent.result).rejects.toMatchObject({ code: 'ABORTED' })
  expect([isAlive(unrelated.pid!), isAlive(pid!)]).toEqual([true, true])
  unrelated.kill()
  other.abort.abort()
  await other.result.catch(() => undefined)
})

test('the exit of the host kills all agents, on Linux even those in sessions of their own', async () => {
  const before = new Set(process.listeners('exit'))
  const apart = onLinux ? `setsid sh -c '${printPid}; sleep 60' </dev/null &` : `${printPid};`
  const agent = attempt(shell(`trap '' TERM; ${apart} ${printPid}; sleep 60; sleep 60`, { output: 'jsonl' }))
  const pids = await pidsOf(agent, 2)
  const ours = process.listeners('exit').filter(listener => !before.has(listener))
  expect(ours).toHaveLength(1)
  ours[0]!(0)
  await expect(agent.result).rejects.toMatchObject({ kind: 'crashed', code: 'SIGKILL' })
  expect(pids.filter(isAlive)).toEqual([])
})

test('fifty attempts leave no file handle, no listener and no timer behind', async () => {
  const resources = () => ({
    handles: onLinux ? readdirSync('/proc/self/fd').length : 0,
    timers: process.getActiveResourcesInfo().filter(name => name === 'Timeout').length,
  })
  await attempt(shell('true')).result
  const before = resources()
  const listeners = process.listenerCount('exit')
  const agents = Array.from({ length: 50 }, (_, i) => attempt(shell(i % 5 === 0 ? 'exit 3' : 'cat >&2; echo ok')))
  const ends = await Promise.allSettled(agents.map(agent => agent.result))
  expect(ends.filter(end => end.status === 'fulfilled')).toHaveLength(40)
  expect(agents.flatMap(({ abort }) => getEventListeners(abort.signal, 'abort'))).toEqual([])
  await until(() => resources().handles <= before.handles && resources().timers <= before.timers)
  expect(process.listenerCount('exit')).toBe(listeners)
})

test.skipIf(!onLinux)(
  'without free file handles an attempt fails as overloaded (Linux, with prlimit)',
  async ({ skip }) => {
    const limit = (files: string) =>
      spawnSync('prlimit', ['--pid', String(process.pid), `--nofile=${files}`]).status === 0
    const now = /Max open files +(\d+) +(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))!
    if (!limit(`${readdirSync('/proc/self/fd').length + 2}:${now[2]}`)) return skip('prlimit is not available')
    const failures = await Promise.allSettled([attempt(shell('true')).result, attempt(shell('true')).result])
    limit(`${now[1]}:${now[2]}`)
    expect(failures).toMatchObject(Array(2).fill({ reason: { kind: 'overloaded', code: 'EMFILE' } }))
  },
)
