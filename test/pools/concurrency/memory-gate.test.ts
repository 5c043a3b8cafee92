import { describe, expect, test } from 'vitest'
import type { Machine } from '../../../src/machine.js'
import { MemoryGate } from '../../../src/pools/concurrency/memory-gate.js'

const MIB = 1024 * 1024

describe('a memory gate', () => {
  /** A gate on a machine whose free memory (MiB) can be set, and which counts its readings. */
  function gateOn(freeMib: number | undefined, options: { memoryBytes?: number; minFreeBytes?: number } = {}) {
    const state = { freeMib, readings: 0 }
    const of: Machine = {
      cores: () => 4,
      freeMemory() {
        state.readings++
        return state.freeMib === undefined ? undefined : state.freeMib * MIB
      },
    }
    return { state, gate: new MemoryGate({ machine: of, ...options }) }
  }

  /** How many processes start at `now`. */
  const burst = (gate: MemoryGate, now: number, from = 0): number => {
    let inFlight = from
    while (inFlight < 1_000 && gate.canStart(now, inFlight)) inFlight++
    return inFlight - from
  }

  test('starts nothing while less than the bound is free', () => {
    const { gate, state } = gateOn(8_000)
    expect(gate.canStart(0, 4)).toBe(true)
    state.freeMib = 511
    expect(gate.canStart(1_000, 4)).toBe(false)
    state.freeMib = 512
    expect(gate.canStart(2_000, 4)).toBe(true)
  })

  test('reserves the full size of processes that were just started', () => {
    const { gate } = gateOn(2_000)
    expect(burst(gate, 0)).toBe(8)
    expect(burst(gate, 2_000, 8)).toBe(0)
  })

  test('relies on the reading of the machine once they have grown', () => {
    const { gate, state } = gateOn(2_000)
    burst(gate, 0)
    state.freeMib = 900
    expect(burst(gate, 4_999, 8)).toBe(0)
    expect(burst(gate, 10_000, 8)).toBe(2)
  })

  test('lets short processes follow each other: their number does not rise, so none counts as growing', () => {
    const { gate } = gateOn(2_000)
    burst(gate, 0)
    for (let now = 10_000; now < 60_000; now += 10) expect(gate.canStart(now, 7)).toBe(true)
  })

  test('starts the first as soon as there is room for itself, even with less memory than the bound', () => {
    expect(burst(gateOn(300).gate, 0)).toBe(1)
    expect(burst(gateOn(199).gate, 0)).toBe(0)
    expect(burst(gateOn(60, { memoryBytes: 50 * MIB }).gate, 0)).toBe(1)
  })

  test('takes a bound and a size as options', () => {
    expect(burst(gateOn(1_000, { memoryBytes: 100 * MIB, minFreeBytes: 0 }).gate, 0)).toBe(11)
    expect(burst(gateOn(1_000, { memoryBytes: 100 * MIB, minFreeBytes: 800 * MIB }).gate, 0)).toBe(3)
  })

  test('starts everything where free memory is unknown', () => {
    expect(burst(gateOn(undefined).gate, 0)).toBe(1_000)
    expect(burst(gateOn(Number.NaN).gate, 0)).toBe(1_000)
  })

  test('reads the machine at most once a second', () => {
    const { gate, state } = gateOn(64_000)
    for (let now = 0; now < 10_000; now++) gate.canStart(now, 4)
    expect(state.readings).toBe(10)
  })
})
