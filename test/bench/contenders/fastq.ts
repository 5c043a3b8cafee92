import fastq from 'fastq'
import { type Contender, SLOTS } from '../contender.js'
import { HandWired } from './hand-wired.js'

/** fastq with callbacks, its faster form. */
export const fastQueue: Contender = {
  name: 'fastq',
  graph: 'by hand',
  lacks: ['priorities'],
  largest: 100_000,
  prepare: (graph, work) => () => {
    const { pools } = graph
    const queues = Array.from({ length: pools }, () =>
      fastq((index: number, done: fastq.done) => {
        work(index).then(() => {
          done(null)
          wired.ended(index)
        }, done)
      }, SLOTS / pools),
    )
    const wired: HandWired = new HandWired(graph, index => queues[index % pools]!.push(index))
    return wired.run()
  },
}
