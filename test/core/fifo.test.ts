import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Fifo } from '../../src/core/fifo.js'

test('gives what was pushed in the same order, as a list with shift does', () => {
  // More pushes than takes, and long runs of either, so that the list is cut and emptied.
  const step = fc.oneof(
    fc.record({ push: fc.integer({ min: 1, max: 3_000 }) }),
    fc.record({ take: fc.integer({ min: 1, max: 3_000 }) }),
    fc.constant('all' as const),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), steps => {
      const fifo = new Fifo<number>()
      const model: number[] = []
      let next = 0
      for (const each of steps) {
        if (each === 'all') expect(fifo.takeAll()).toEqual(model.splice(0))
        else if ('push' in each)
          for (let i = 0; i < each.push; i++) {
            fifo.push(next)
            model.push(next++)
          }
        else for (let i = 0; i < each.take; i++) if (fifo.shift() !== model.shift()) throw new Error('another order')
        expect([fifo.size, fifo.peek()]).toEqual([model.length, model[0]])
        expect([...fifo]).toEqual(model)
      }
    }),
    { numRuns: 60 },
  )
})
