import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Machine, unknownMachine } from '../../../src/machine.js'
import { AdaptiveLimit } from '../../../src/pools/concurrency/adaptive-limit.js'
import { autoConcurrency, ProcessAdmission, type WorkHint } from '../../../src/pools/concurrency/auto-concurrency.js'

const MIB = 1024 * 1024
const machine = (cores: number | undefined, freeMib?: number): Machine => ({
  cores: () => cores,
  freeMemory: () => (freeMib === undefined ? undefined : freeMib * MIB),
})

describe("concurrency 'auto'", () => {
  test.each<[string, Machine, WorkHint, start: number, max: number]>([
    ['4 cores that compute', machine(4), { work: 'cpu' }, 4, 8],
    ['1 core that computes', machine(1), { work: 'cpu' }, 1, 2],
    ['128 cores that compute', machine(128), { work: 'cpu' }, 128, 256],
    ['4 cores that wait', machine(4), {}, 16, 64],
    ['1 core that waits', machine(1), { work: 'wait' }, 4, 64],
    ['128 cores that wait', machine(128), {}, 64, 64],
    ['2 cores with processes', machine(2, 32_000), { work: 'process' }, 8, 16],
    ['64 cores with processes', machine(64, 320_000), { work: 'process' }, 64, 64],
    ['8 cores with room for 10 processes', machine(8, 2_000), { work: 'process' }, 10, 10],
    ['8 cores with room for 2 large processes', machine(8, 2_000), { work: 'process', memoryBytes: 900 * MIB }, 2, 2],
    ['8 cores with room for none', machine(8, 100), { work: 'process' }, 1, 1],
    ['8 cores with processes, memory unknown', machine(8), { work: 'process' }, 32, 64],
    ['an unknown machine', unknownMachine, {}, 4, 32],
    ['an unknown machine that computes', unknownMachine, { work: 'cpu' }, 4, 32],
    ['unknown cores with room for 3 processes', machine(undefined, 700), { work: 'process' }, 3, 3],
  ])('%s', (_what, of, hint, start, max) => {
    expect(autoConcurrency(of, hint)).toEqual({ min: 1, start, max })
  })

  test('memory bounds only pools of processes', () => {
    expect(autoConcurrency(machine(4, 1), { work: 'wait' }).max).toBe(64)
    expect(autoConcurrency(machine(4, 1), { work: 'cpu' }).max).toBe(8)
  })

  test('whatever a machine says, an adaptive limit can be made of it', () => {
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

describe('the admission of processes', () => {
  /** An admission on a machine whose free memory (MiB) can be set, and how often it was read. */
  function gate(freeMib: number | undefined, options: { memoryBytes?: number; freeBoundBytes?: number } = {}) {
    const state = { freeMib, readings: 0 }
    const of: Machine = {
      cores: () => 4,
      freeMemory() {
        state.readings++
        return state.freeMib === undefined ? undefined : state.freeMib * MIB
      },
    }
    return { state, admission: new ProcessAdmission({ machine: of, ...options }) }
  }

  /** How many start at once. */
  const burst = (admission: ProcessAdmission, now: number, from = 0): number => {
    let inFlight = from
    while (inFlight < 1_000 && admission.admits(now, inFlight)) inFlight++
    return inFlight - from
  }

  test('admits none while less than the bound is free', () => {
    const { admission, state } = gate(8_000)
    expect(admission.admits(0, 4)).toBe(true)
    state.freeMib = 511
    expect(admission.admits(1_000, 4)).toBe(false)
    state.freeMib = 512
    expect(admission.admits(2_000, 4)).toBe(true)
  })

  test('counts those that were just started with all that they will take, whatever the machine reads', () => {
    const { admission } = gate(2_000)
    expect(burst(admission, 0)).toBe(8)
    expect(burst(admission, 2_000, 8)).toBe(0)
  })

  test('believes the machine once they have grown', () => {
    const { admission, state } = gate(2_000)
    burst(admission, 0)
    state.freeMib = 900
    expect(burst(admission, 4_999, 8)).toBe(0)
    expect(burst(admission, 10_000, 8)).toBe(2)
  })

  test('lets short ones follow each other: a number that does not rise is not young', () => {
    const { admission } = gate(2_000)
    burst(admission, 0)
    for (let now = 10_000; now < 60_000; now += 10) expect(admission.admits(now, 7)).toBe(true)
  })

  test('admits the first as soon as there is room for itself, on a machine smaller than the bound too', () => {
    expect(burst(gate(300).admission, 0)).toBe(1)
    expect(burst(gate(199).admission, 0)).toBe(0)
    expect(burst(gate(60, { memoryBytes: 50 * MIB }).admission, 0)).toBe(1)
  })

  test('obeys a bound and a size of your own', () => {
    expect(burst(gate(1_000, { memoryBytes: 100 * MIB, freeBoundBytes: 0 }).admission, 0)).toBe(11)
    expect(burst(gate(1_000, { memoryBytes: 100 * MIB, freeBoundBytes: 800 * MIB }).admission, 0)).toBe(3)
  })

  test('admits everything where free memory is unknown', () => {
    expect(burst(gate(undefined).admission, 0)).toBe(1_000)
    expect(burst(gate(Number.NaN).admission, 0)).toBe(1_000)
  })

  test('reads the machine once a second at most', () => {
    const { admission, state } = gate(64_000)
    for (let now = 0; now < 10_000; now++) admission.admits(now, 4)
    expect(state.readings).toBe(10)
  })
})
