import { setTimeout as sleep } from 'node:timers/promises'
import { type Contender, missing, type Work } from './contender.js'
import type { Graph } from './graph.js'
import type { Options } from './options.js'
import { takingPart } from './speed.js'
import { type Table, whole } from './table.js'
import { workloads } from './workloads.js'

/** How often the heap is measured during one run. */
const MEASUREMENTS = 8
const LARGEST = 100_000
/** Delay after a run, until its last frames and jobs are released. */
const REST_MS = 20

interface Heap {
  /** Maximum live heap, in bytes per task. */
  readonly peak: number
  /** Live heap after the run, while the result is still held, in bytes per task. */
  readonly retained: number
}

/** Measures the live heap of all contenders at the largest size that all were measured with. Needs `--expose-gc`. */
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
  const every = Math.max(1, Math.floor(graph.size / MEASUREMENTS))
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
 * Runs once without measuring, because the first run allocates compiled code, which is no cost of tasks.
 * A separate function, because the frame of an async function keeps the last awaited value alive.
 */
async function forget(go: () => Promise<unknown>): Promise<void> {
  await go()
}

/** Live heap in bytes, after a collection. */
function liveBytes(): number {
  if (globalThis.gc === undefined)
    throw new Error('expected node --expose-gc, without it the live heap cannot be measured')
  // Twice: the first may only finish a collection that started while some of the garbage was alive.
  globalThis.gc()
  globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Prevents the collector from releasing `value` early. */
function keepAlive(value: unknown): void {
  if (value === keepAlive) throw new Error('expected an outcome')
}
