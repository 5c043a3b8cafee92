import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Machine, unknownMachine } from '../../../src/machine.js'
import { AdaptiveLimit } from '../../../src/pools/concurrency/adaptive-limit.js'
import { autoConcurrency, type WorkHint } from '../../../src/pools/concurrency/auto-concurrency.js'

const MIB = 1024 * 1024
const machine = (cores: number | undefined, freeMib?: number): Machine => ({
  cores: () => cores,
  freeMemory: () => (freeMib === undefined ? undefined : freeMib * MIB),
})

describe("concurrency 'auto'", () => {
  test.each<[string, Machine, WorkHint, start: number, max: number]>([
    ['4 cores, cpu', machine(4), { work: 'cpu' }, 4, 8],
    ['1 core, cpu', machine(1), { work: 'cpu' }, 1, 2],
    ['128 cores, cpu', machine(128), { work: 'cpu' }, 128, 256],
    ['4 cores, wait', machine(4), {}, 16, 64],
    ['1 core, wait', machine(1), { work: 'wait' }, 4, 64],
    ['128 cores, wait', machine(128), {}, 64, 64],
    ['2 cores, process', machine(2, 32_000), { work: 'process' }, 8, 16],
    ['64 cores, process', machine(64, 320_000), { work: 'process' }, 64, 64],
    ['8 cores, memory for 10 processes', machine(8, 2_000), { work: 'process' }, 10, 10],
    ['8 cores, memory for 2 large processes', machine(8, 2_000), { work: 'process', memoryBytes: 900 * MIB }, 2, 2],
    ['8 cores, memory for none', machine(8, 100), { work: 'process' }, 1, 1],
    ['8 cores, process, unknown memory', machine(8), { work: 'process' }, 32, 64],
    ['an unknown machine', unknownMachine, {}, 4, 32],
    ['an unknown machine, cpu', unknownMachine, { work: 'cpu' }, 4, 32],
    ['unknown cores, memory for 3 processes', machine(undefined, 700), { work: 'process' }, 3, 3],
  ])('%s', (_what, of, hint, start, max) => {
    expect(autoConcurrency(of, hint)).toEqual({ min: 1, start, max })
  })

  test('limits only pools of processes by memory', () => {
    expect(autoConcurrency(machine(4, 1), { work: 'wait' }).max).toBe(64)
    expect(autoConcurrency(machine(4, 1), { work: 'cpu' }).max).toBe(8)
  })

  test('gives valid bounds for any reading of the machine', () => {
    const reading = fc.option(fc.oneof(fc.double(), fc.integer(), fc.nat(64)), { nil: undefined })
    const work = fc.constantFrom<WorkHint['work']>('cpu', 'wait', 'process')
    fc.assert(
      fc.property(reading, reading, work, (cores, free, kind) => {
        const auto = autoConcurrency({ cores: () => cores, freeMemory: () => free }, { work: kind ?? 'wait' })
        fc.pre(auto.max <= Number.MAX_SAFE_INTEGER)
        expect(new AdaptiveLimit(auto).limit).toBe(auto.start)
      }),
    )
  })
})
