import { type AsyncAutoTasks, auto } from 'async'
import { type Contender, SLOTS } from '../contender.js'
import { rowOf } from '../graph.js'

/** async.auto: a task is a list of dependency names and a function. */
export const asyncAuto: Contender = {
  name: 'async.auto',
  graph: 'own',
  lacks: ['pools', 'priorities'],
  largest: 1_000,
  prepare(graph, work) {
    const tasks: AsyncAutoTasks<Record<string, unknown>, Error> = {}
    for (let index = 0; index < graph.size; index++) {
      const run = async (): Promise<void> => work(index)
      const needs = Array.from(rowOf(graph.needs, index), need => `t${need}`)
      tasks[`t${index}`] = needs.length === 0 ? run : [...needs, run]
    }
    return () => auto(tasks, SLOTS)
  },
}
