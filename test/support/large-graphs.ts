import { TaskGraph } from 'counterpoint'
import { specs } from './scheduler-fixture.js'
import { setUp } from './set-up.js'

/** Tasks `t0` to `tN`, each depending on the previous one. */
export function chain(length: number): TaskGraph {
  const graph = new TaskGraph('chain')
  for (let i = 0; i < length; i++) graph.task(`t${i}`, { pool: 'p', ...(i > 0 && { after: [`t${i - 1}`] }) })
  return graph
}

/** Tasks without dependencies. */
export function star(length: number): TaskGraph {
  const graph = new TaskGraph('star')
  for (let i = 0; i < length; i++) graph.task(`t${i}`, { pool: 'p' })
  return graph
}

function framesHere(): number {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 10_000
  const frames = new Error('here').stack!.split('\n').length
  Error.stackTraceLimit = stackTraceLimit
  return frames
}

/** The maximum stack depth when `runs` runs with instant agents are released at once. */
export async function deepestFrame(runs: number): Promise<number> {
  let deepest = 0
  const backend = (): number => {
    deepest = Math.max(deepest, framesHere())
    return 1
  }
  const { orchestrator } = setUp({ backend, concurrency: runs })
  const pool = orchestrator.pools.get('p')!
  pool.pause()
  const all = Array.from({ length: runs }, () => orchestrator.run({ tasks: specs('a b<a') }))
  await new Promise(resolve => setImmediate(resolve))
  pool.unpause()
  await Promise.all(all.map(run => run.result))
  return deepest
}
