import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ReadyQueue } from '../../src/pools/ready-queue.js'

test('what is put back comes next, in its place: the order is as if it had not been taken', () => {
  const step = fc.oneof(
    fc.record({ urgency: fc.nat(3), path: fc.nat(3) }),
    fc.constant('take' as const),
    fc.constant('take and put back' as const),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), steps => {
      const [queue, twin] = [new ReadyQueue(), new ReadyQueue()]
      for (const [index, what] of steps.entries()) {
        if (what === 'take') expect(queue.pop()).toBe(twin.pop())
        else if (what === 'take and put back') {
          const taken = queue.pop()
          if (taken !== -1) queue.putBack(taken)
        } else for (const each of [queue, twin]) each.push(index, what.urgency, what.path)
      }
      while (twin.size > 0) expect(queue.pop()).toBe(twin.pop())
      expect(queue.size).toBe(0)
    }),
  )
})
