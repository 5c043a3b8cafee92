import { totalmem } from 'node:os'
import { nodeMachine } from 'counterpoint/node'
import { describe, expect, test } from 'vitest'
import { coresOf, linuxFreeMemory, type ReadText } from '../../src/node/machine.js'

const MIB = 1024 * 1024

test('nodeMachine reports cores, and less free memory than the total', () => {
  expect(nodeMachine.cores()).toBeGreaterThanOrEqual(1)
  expect(Number.isInteger(nodeMachine.cores())).toBe(true)
  const free = nodeMachine.freeMemory()
  // On macOS, older versions of Node report nothing.
  if (process.platform === 'darwin' && free === undefined) return
  expect(free).toBeGreaterThan(0)
  expect(free).toBeLessThanOrEqual(totalmem())
})

/** Files by path; all others are missing. */
const files =
  (texts: Readonly<Record<string, string>>): ReadText =>
  path =>
    Object.hasOwn(texts, path) ? texts[path] : undefined

const SYSTEM = {
  '/proc/meminfo':
    'MemTotal:       16384000 kB\nMemFree:          204800 kB\nMemAvailable:    8192000 kB\nBuffers: 1 kB\n',
}
/** 8,000 MiB are available. */
const AVAILABLE = 8_000 * MIB

/** A control group of version 2: its limits and use, in MiB. */
const group = (path: string, max: string, usedMib: number, cachedMib = 0): Record<string, string> => ({
  [`${path}/memory.max`]: `${max}\n`,
  [`${path}/memory.high`]: 'max\n',
  [`${path}/memory.current`]: `${usedMib * MIB}\n`,
  [`${path}/memory.stat`]: `anon 1\nfile 9\ninactive_file ${cachedMib * MIB}\nactive_file ${cachedMib * MIB}\n`,
})
const OWN = { '/proc/self/cgroup': '1:name=systemd:/\n0::/pod/box\n' }

describe('free memory on Linux', () => {
  test.each<[string, Record<string, string>, number | undefined]>([
    ['is the available memory of the system', SYSTEM, AVAILABLE],
    ['is unknown if the system does not report it', OWN, undefined],
    [
      'is the rest of the limit of a container',
      { ...SYSTEM, '/proc/self/cgroup': '0::/\n', ...group('/sys/fs/cgroup', `${1_000 * MIB}`, 400) },
      600 * MIB,
    ],
    [
      'counts page cache in a container as free',
      { ...SYSTEM, '/proc/self/cgroup': '0::/\n', ...group('/sys/fs/cgroup', `${1_000 * MIB}`, 990, 300) },
      610 * MIB,
    ],
    [
      'is the smallest rest of all enclosing groups',
      {
        ...SYSTEM,
        ...OWN,
        ...group('/sys/fs/cgroup/pod', `${2_000 * MIB}`, 1_900),
        ...group('/sys/fs/cgroup/pod/box', `${1_000 * MIB}`, 100),
      },
      100 * MIB,
    ],
    [
      'obeys the mark at which a group is slowed down',
      {
        ...SYSTEM,
        ...OWN,
        ...group('/sys/fs/cgroup/pod/box', 'max', 100),
        '/sys/fs/cgroup/pod/box/memory.high': `${300 * MIB}\n`,
      },
      200 * MIB,
    ],
    [
      'is not bounded by a group without a limit',
      { ...SYSTEM, ...OWN, ...group('/sys/fs/cgroup/pod', 'max', 5) },
      AVAILABLE,
    ],
    [
      'is not more than the system has, whatever the limit',
      { ...SYSTEM, ...OWN, ...group('/sys/fs/cgroup/pod', `${90_000 * MIB}`, 5) },
      AVAILABLE,
    ],
    ['is never negative', { ...SYSTEM, ...OWN, ...group('/sys/fs/cgroup/pod', `${100 * MIB}`, 105) }, 0],
  ])('%s', (_what, texts, expected) => {
    expect(linuxFreeMemory(files(texts))).toBe(expected)
  })
})

describe('cores on Linux', () => {
  const cores = (max: string): number => coresOf(8, files({ ...OWN, '/sys/fs/cgroup/pod/cpu.max': max }))

  test('are the threads that Node counts, or the limit of a control group if that is less', () => {
    expect(coresOf(8, files({}))).toBe(8)
    expect(cores('max 100000\n')).toBe(8)
    expect(cores('200000 100000\n')).toBe(2)
    expect(cores('250000 100000\n')).toBe(3)
    expect(cores('1600000 100000\n')).toBe(8)
    expect(cores('10000 100000\n')).toBe(1)
    expect(cores('nonsense')).toBe(8)
  })
})
