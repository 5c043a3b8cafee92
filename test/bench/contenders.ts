import type { Contender } from './contender.js'
import { asyncAuto } from './contenders/async-auto.js'
import { counterpoint } from './contenders/counterpoint.js'
import { effect } from './contenders/effect.js'
import { fastQueue } from './contenders/fastq.js'
import { floor } from './contenders/floor.js'
import { pGraph } from './contenders/p-graph.js'
import { limit } from './contenders/p-limit.js'
import { pQueue } from './contenders/p-queue.js'

/** All contenders, in the order of the tables. */
export const contenders: readonly Contender[] = [
  floor,
  counterpoint,
  fastQueue,
  pQueue,
  limit,
  pGraph,
  effect,
  asyncAuto,
]
