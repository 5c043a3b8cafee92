import { memoryJournal, Orchestrator, type RunEvent } from 'counterpoint'
import { fileJournal, processBackend } from 'counterpoint/node'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../durable/test-host.js'
import { shell } from './run-attempt.js'

const secret = 'hunter2hunter2'
const both = 'echo answer; echo "warning $TOKEN" >&2'

/** The events of a run of one task whose agent is this script. */
async function eventsOf(source: string, more: object = {}, stop?: 'cancel'): Promise<readonly RunEvent[]> {
  const backend = processBackend(shell(source, { setEnv: { TOKEN: secret } }))
  const orchestrator = new Orchestrator({ pools: { agents: { backend } } })
  const run = orchestrator.run({ tasks: [{ id: 'a', retries: 0, ...more }] })
  if (stop) setTimeout(() => void run.cancel('enough'), 400)
  await run.result
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  expect(JSON.stringify(events)).not.toContain(secret)
  return events
}

const tails = { stdout: 'answer', stderr: 'warning [TOKEN]' }

test('the ends of both outputs are in the record of an attempt that succeeds', async () => {
  expect(await eventsOf(both)).toContainEqual(expect.objectContaining({ type: 'task.succeeded', tails }))
})

test('the record of an attempt that prints nothing, or only to one of them, is without the other', async () => {
  const ended = (await eventsOf('true')).find(({ type }) => type === 'task.succeeded')
  expect(ended).not.toHaveProperty('tails')
  expect(await eventsOf('echo answer')).toContainEqual(expect.objectContaining({ tails: { stdout: 'answer' } }))
})

test.each([
  ['a non-zero exit', `${both}; exit 3`, {}],
  ['a signal', `${both}; kill -9 $$`, {}],
  ['a timeout', `${both}; sleep 60`, { timeoutMs: 500 }],
])('the ends of both outputs are in the record of an attempt that fails: %s', async (_, source, more) => {
  const events = await eventsOf(source, more)
  const failure = expect.objectContaining({ tails })
  expect(events).toContainEqual(expect.objectContaining({ type: 'attempt.failed', failure }))
  expect(events).toContainEqual(expect.objectContaining({ type: 'task.dead', failure }))
})

test('the ends of both outputs are in the record of an attempt that is cancelled', async () => {
  const events = await eventsOf(`${both}; sleep 60`, {}, 'cancel')
  expect(events).toContainEqual(expect.objectContaining({ type: 'task.cancelled', tails }))
})

test('the message of a failure shows the end of standard output if there is no standard error', async () => {
  const failure = expect.objectContaining({ message: expect.stringMatching(/standard output:\nno such model$/) })
  expect(await eventsOf('echo no such model; exit 1')).toContainEqual(expect.objectContaining({ failure }))
})

test('of long outputs the last 2,000 characters are kept, cut between characters, and no part of a secret', async () => {
  const source = `{ head -c 9000 /dev/zero | tr '\\0' x; printf "$TOKEN"; head -c 8185 /dev/zero | tr '\\0' y; printf 🎼; } >&2`
  const ended = (await eventsOf(source)).find(({ type }) => type === 'task.succeeded')
  const { stderr = '' } = ended?.type === 'task.succeeded' ? (ended.tails ?? {}) : {}
  expect([...stderr].length).toBe(2_001)
  expect(stderr).toMatch(/^…y+🎼$/u)
})

test('the ends are the same after a restart', async () => {
  const folder = temporaryFolder()
  const open = () => {
    const backend = processBackend(shell(both, { setEnv: { TOKEN: secret } }))
    return new Orchestrator({ pools: { agents: { backend } }, journal: fileJournal({ folder }) })
  }
  const first = open()
  const run = first.run({ tasks: [{ id: 'a' }, { id: 'b', approval: true }] }, { runId: 'x' })
  await new Promise<void>(resolve => run.on('task.succeeded', () => resolve()))
  await first.drain()
  const second = open()
  const resumed = await second.resume('x')
  const events: RunEvent[] = []
  await resumed.cancel()
  await resumed.result
  for await (const event of resumed.events()) events.push(event)
  expect(events).toContainEqual(expect.objectContaining({ type: 'task.succeeded', tails }))
})

test('a backend of your own records them, too, and odd ones do no harm', async () => {
  const journal = memoryJournal()
  const odd: unknown[] = [null, 5, { stdout: 5 }, { stderr: 'kept\u001b[31m' }]
  const backend = (_: unknown, { recordTails }: { recordTails?: (tails: never) => void }) => {
    for (const each of odd) recordTails?.(each as never)
    return 'done'
  }
  const run = new Orchestrator({ pools: { agents: { backend } }, journal }).run({ tasks: [{ id: 'a' }] })
  const ended = new Promise(resolve => run.on('task.succeeded', resolve))
  expect(await ended).toMatchObject({ tails: { stderr: 'kept' } })
})
