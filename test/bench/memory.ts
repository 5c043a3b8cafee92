import { setTimeout as sleep } from 'node:timers/promises'
import { type Contender, missing, type Work } from './contender.js'
import type { Graph } from './graph.js'
import type { Options } from './options.js'
import { takingPart } from './speed.js'
import { type Table, whole } from './table.js'
import { workloads } from './workloads.js'

/** How often one run is stopped to look at its heap. */
const LOOKS = 8
const LARGEST = 100_000
/** After a run, until its last frames and jobs are gone. */
const REST_MS = 20

interface Heap {
  /** The most that was alive at once, in bytes per task. */
  readonly peak: number
  /** What is alive when all has ended and what the contender gave is still held, in bytes per task. */
  readonly retained: number
}

/** Measures the live heap of everybody at the largest size that all were measured at. Needs `--expose-gc`. */
export async function memoryTables(options: Options, say: (line: string) => void): Promise<Table[]> {
  const size = options.sizes.findLast(each => each <= LARGEST)
  if (size === undefined) return []
  const rows = new Map<Contender, string[]>()
  const columns = workloads.filter(({ name }) => options.workloads?.has(name) ?? true)
  for (const workload of columns) {
    say(`memory, ${workload.name}, ${whole(size)} tasks`)
    const graph = workload.build(size)
    for (const contender of takingPart(options)) {
      const row = rows.get(contender) ?? [contender.name]
      rows.set(contender, row)
      row.push(missing(contender, graph) ?? cell(await measureHeap(contender, graph)))
    }
  }
  return [
    {
      title: `Memory per task, of ${whole(size)}`,
      note: 'Bytes of live heap: the maximum during the run, and what is retained after it has ended while the result is still held.',
      columns: ['', ...columns.map(({ name }) => name)],
      rows: [...rows.values()],
    },
  ]
}

function cell({ peak, retained }: Heap): string {
  return `${whole(peak)} / ${whole(retained)}`
}

async function measureHeap(contender: Contender, graph: Graph): Promise<Heap> {
  const every = Math.max(1, Math.floor(graph.size / LOOKS))
  let ran = 0
  let before = 0
  let peak = 0
  const work: Work = async () => {
    ran++
    if (before > 0 && ran % every === 0) peak = Math.max(peak, liveBytes() - before)
  }
  const go = contender.prepare(graph, work)
  await forget(go)
  ran = 0
  await sleep(REST_MS)
  before = liveBytes()
  const outcome = await go()
  await sleep(REST_MS)
  const retained = liveBytes() - before
  keepAlive(outcome)
  return { peak: Math.max(peak, retained, 0) / graph.size, retained: Math.max(retained, 0) / graph.size }
}

/**
 * Runs once without looking: what the first run leaves is compiled code, and that is no cost of tasks.
 * A function of its own, for the frame of an awaiting one still holds what it awaited last.
 */
async function forget(go: () => Promise<unknown>): Promise<void> {
  await go()
}

/** Garbage not counted. */
function liveBytes(): number {
  if (globalThis.gc === undefined) throw new Error('expected node --expose-gc, without it live heap cannot be told')
  // Twice: the first may only end a collection that had begun when some of the garbage was alive.
  globalThis.gc()
  globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** The collector must not find out that `value` is never read again. */
function keepAlive(value: unknown): void {
  if (value === keepAlive) throw new Error('expected an outcome')
}
