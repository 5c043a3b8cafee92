import { CounterpointError, isCounterpointError, Orchestrator, type RunResult } from 'counterpoint'
import { describe, expectTypeOf, it } from 'vitest'

declare const error: unknown

describe('an error of the library', () => {
  it('is narrowed by its code', () => {
    if (!isCounterpointError(error)) return
    if (error.code === 'NO_POOL') expectTypeOf(error.details.pools).toEqualTypeOf<readonly string[]>()
    switch (error.code) {
      case 'RUN_FAILED':
        expectTypeOf(error.details.result).toEqualTypeOf<RunResult>()
        break
      case 'SLOW_READER':
        expectTypeOf(error.details.bytes).toEqualTypeOf<number>()
        break
      case 'CYCLE':
        // @ts-expect-error Property 'pools' does not exist on type '{ readonly cycle: readonly string[]; }'
        error.details.pools
        break
    }
    // @ts-expect-error This comparison appears to be unintentional: there is no code 'NO_POOLS'
    if (error.code === 'NO_POOLS') return
  })

  it('is narrowed by the code that is asked for', () => {
    if (isCounterpointError(error, 'CYCLE')) {
      expectTypeOf(error).toEqualTypeOf<CounterpointError<'CYCLE'>>()
      expectTypeOf(error.details.cycle).toEqualTypeOf<readonly string[]>()
    }
    // @ts-expect-error there is no code 'CYCLES'
    isCounterpointError(error, 'CYCLES')
  })

  it('has no details before it is narrowed', () => {
    // @ts-expect-error Property 'pools' does not exist on all of them
    if (isCounterpointError(error)) error.details.pools
  })

  it('can be made by a port of the host', () => {
    const thrown = new CounterpointError('JOURNAL', 'damaged', { runId: 'r' })
    expectTypeOf(thrown).toExtend<CounterpointError>()
    // @ts-expect-error details of another code
    new CounterpointError('JOURNAL', 'damaged', { cycle: [] })
  })
})

describe('run.completed', () => {
  it('resolves with the result', () => {
    const run = new Orchestrator().run({ tasks: [] })
    expectTypeOf(run.completed).toEqualTypeOf<Promise<RunResult>>()
  })
})
