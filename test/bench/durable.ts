import { setTimeout as sleep } from 'node:timers/promises'
import { type Journal, memoryJournal, Orchestrator } from 'counterpoint'
import { type Durability, fileJournal } from 'counterpoint/node'
import { SLOTS, type Work } from './contender.js'
import { expectCompleted, plansOf, poolsFor } from './contenders/counterpoint.js'
import { bytesBelow, groupCommitMs, withFolder } from './disk.js'
import type { Graph } from './graph.js'
import type { Options } from './options.js'
import { median } from './rounds.js'
import { figure, type Table, whole } from './table.js'
import { Trace } from './trace.js'
import { workloads } from './workloads.js'

const RUN_ID = 'bench'
const AGENT_MS = 10
/** Approximate number of bytes that an agent adds to the journal. */
const AGENT_BYTES = 320

/** The cost of a journal on disk, compared with the disk alone. */
export async function durableTables(options: Options, say: (line: string) => void): Promise<Table[]> {
  const size = options.sizes.findLast(each => each <= 10_000) ?? options.sizes[0]!
  const records = options.sizes.findLast(each => each <= 100_000) ?? options.sizes[0]!
  return withFolder(options.folder, async folder => {
    say(`durable, instant tasks, ${whole(size)}`)
    const rates = await rateTable(folder, size, options.rounds)
    say(`durable, agents of ${AGENT_MS} ms`)
    const agents = await agentTable(folder, Math.min(10, Math.ceil(size / 100)), options.rounds)
    say(`durable, opening ${whole(records)} records`)
    return [rates, agents, await openTable(folder, records, options.rounds)]
  })
}

/** Runs a graph with a journal, and returns its start and end, in milliseconds. */
async function timedRun(
  graph: Graph,
  work: Work,
  journal: Journal,
): Promise<{ readonly began: number; readonly ended: number }> {
  const [plan] = plansOf(graph)
  const orchestrator = new Orchestrator({ pools: poolsFor(graph, work), journal })
  const began = performance.now()
  await expectCompleted(orchestrator.run(plan!, { runId: RUN_ID }))
  const ended = performance.now()
  await orchestrator.drain()
  return { began, ended }
}

/** Runs a graph of instant tasks with the file journal; returns the time, and the bytes per task. */
async function journaled(
  folder: string,
  graph: Graph,
  durability: Durability,
): Promise<{ readonly ms: number; readonly bytesPerTask: number }> {
  return withFolder(folder, async place => {
    const trace = new Trace(graph)
    const { began, ended } = await timedRun(graph, trace.work, fileJournal({ folder: place, durability }))
    trace.check()
    return { ms: ended - began, bytesPerTask: Math.ceil((await bytesBelow(place)) / graph.size) }
  })
}

/** Instant tasks, many at once and one at a time, compared with a group commit of the same bytes. */
async function rateTable(folder: string, size: number, rounds: number): Promise<Table> {
  const rows: string[][] = []
  for (const name of ['independent', 'layered', 'chain']) {
    const { build } = workloads.find(each => each.name === name)!
    // A chain pays for a sync with every task.
    const graph = build(name === 'chain' ? Math.ceil(size / 20) * 2 : size)
    const writers = name === 'chain' ? 1 : SLOTS
    const times: { fsync: number; disk: number; os: number }[] = []
    for (let round = 0; round <= rounds; round++) {
      const fsync = await journaled(folder, graph, 'fsync')
      const disk = await groupCommitMs(folder, { writers, records: graph.size, bytes: fsync.bytesPerTask })
      const os = await journaled(folder, graph, 'os')
      if (round > 0) times.push({ fsync: fsync.ms, disk, os: os.ms })
    }
    const rate = (of: (time: (typeof times)[number]) => number): string =>
      whole((graph.size * 1_000) / median(times.map(of)))
    const share = median(times.map(({ fsync, disk }) => disk / fsync))
    rows.push([
      name,
      rate(time => time.disk),
      rate(time => time.fsync),
      `${whole(share * 100)} %`,
      rate(time => time.os),
    ])
  }
  return {
    title: 'Instant tasks with the file journal',
    note: 'Tasks per second. The disk alone: as many writers as slots, one write and one fdatasync for all waiting writers, with the bytes that one task adds.',
    columns: ['', 'disk alone', 'fsync', 'of the disk', 'os'],
    rows,
  }
}

/** Agents that take some time: what the journal adds to each, compared with a hand-written group commit with the same pauses. */
async function agentTable(folder: string, waves: number, rounds: number): Promise<Table> {
  const rows: string[][] = []
  for (const [label, name, writers] of [
    [`${SLOTS} at once`, 'independent', SLOTS],
    ['one at a time', 'chain', 1],
  ] as const) {
    const steps = name === 'chain' ? 3 * waves : waves
    const graph = workloads.find(each => each.name === name)!.build(steps * writers)
    const times: { memory: number; fsync: number; pause: number; hand: number }[] = []
    for (let round = 0; round < rounds; round++) {
      const memory = (await agentsMs(graph, memoryJournal())) / steps
      const fsync = (await withFolder(folder, place => agentsMs(graph, fileJournal({ folder: place })))) / steps
      const pause = (await pausesMs(writers, steps)) / steps
      const commits = { writers, records: steps * writers, bytes: AGENT_BYTES, pauseMs: AGENT_MS }
      const hand = (await groupCommitMs(folder, commits)) / steps
      times.push({ memory, fsync, pause, hand })
    }
    const ms = (of: (time: (typeof times)[number]) => number): string => median(times.map(of)).toFixed(2)
    rows.push([
      label,
      ms(time => time.memory),
      ms(time => time.fsync),
      ms(time => time.fsync - time.memory),
      ms(time => time.hand - time.pause),
    ])
  }
  return {
    title: `Agents of ${AGENT_MS} ms with the file journal`,
    note: 'Milliseconds per agent, from one start to the next in the same slot; and what a hand-written group commit adds to the same pauses, because a disk that was idle takes longer.',
    columns: ['', 'in memory', 'file journal', 'added', 'added by hand-written code'],
    rows,
  }
}

/** From the start of the first agent to the end of the run, in milliseconds. */
async function agentsMs(graph: Graph, journal: Journal): Promise<number> {
  let began: number | undefined
  const agent: Work = () => {
    began ??= performance.now()
    return sleep(AGENT_MS)
  }
  const { ended } = await timedRun(graph, agent, journal)
  return ended - began!
}

/** The time of the pauses alone, in milliseconds. */
async function pausesMs(writers: number, steps: number): Promise<number> {
  const pause = async (): Promise<void> => {
    for (let step = 0; step < steps; step++) await sleep(AGENT_MS)
  }
  const began = performance.now()
  await Promise.all(Array.from({ length: writers }, pause))
  return performance.now() - began
}

/** The time to open a settled run. */
async function openTable(folder: string, records: number, rounds: number): Promise<Table> {
  const graph = workloads[0]!.build(records / 2)
  const [plan] = plansOf(graph)
  const pools = poolsFor(graph, async () => {})
  const journal = fileJournal({ folder, durability: 'none' })
  await timedRun(graph, async () => {}, journal)
  let found = 0
  for await (const _ of journal.read(RUN_ID)) found++
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const began = performance.now()
    const orchestrator = new Orchestrator({ pools, journal })
    await expectCompleted(await orchestrator.resume(RUN_ID, { graph: plan! }))
    times.push(performance.now() - began)
    await orchestrator.drain()
  }
  const row = [whole(found), figure((await bytesBelow(folder)) / 2 ** 20), whole(median(times))]
  return {
    title: 'Opening a run from its files',
    note: 'From `resume` to the result of a settled run.',
    columns: ['records', 'MB', 'ms'],
    rows: [row],
  }
}
