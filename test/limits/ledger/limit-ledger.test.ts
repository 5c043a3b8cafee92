import { VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { GrantHistory } from '../../../src/limits/ledger/grant-history.js'
import type { Grants } from '../../../src/limits/ledger/grants.js'
import { LimitLedger } from '../../../src/limits/ledger/limit-ledger.js'
import { RateWindow, type WindowLimit } from '../../../src/limits/rate-window.js'
import { FakeStream } from '../../support/fake-stream.js'

const LIMIT = { limit: 100, perMs: 60_000 }
const START = Date.UTC(2026, 0, 1)

/** One process: a ledger with a window for the requests of key `a`. */
class LedgerProcess {
  readonly stream: FakeStream
  readonly clock: VirtualClock
  readonly problems: string[] = []
  readonly ledger: LimitLedger
  readonly window: RateWindow
  readonly grants: Grants
  readies = 0

  constructor(stream: FakeStream, { clock = new VirtualClock(), limit = LIMIT as WindowLimit, compactAt = 1000 } = {}) {
    this.stream = stream
    this.clock = clock
    const report = ({ message }: { readonly message: string }): unknown => this.problems.push(message)
    this.ledger = new LimitLedger({ stream, clock, report, compactAt })
    this.window = new RateWindow(limit)
    this.grants = this.ledger.grants('a', 'requests', this.window, () => this.readies++)
  }

  /** One whose stream has been read. */
  static async begin(...made: ConstructorParameters<typeof LedgerProcess>): Promise<LedgerProcess> {
    const host = new LedgerProcess(...made)
    host.ledger.whenOpen(() => {})
    await host.clock.advance(0)
    return host
  }

  /** The next process, after `downMs`, with a new monotonic clock. What was not durable is lost. */
  next(downMs = 0, limit?: WindowLimit): Promise<LedgerProcess> {
    this.stream.crash(false)
    const clock = new VirtualClock({ startAt: this.clock.now() + downMs })
    return LedgerProcess.begin(this.stream, { clock, limit: limit ?? this.window.limit })
  }

  get load(): number {
    return this.window.load(this.clock.monotonic())
  }

  /** Starts as many as may start now, at most `wanted`. Returns how many. */
  start(wanted: number): number {
    let started = 0
    for (; started < wanted && this.#mayStart(); started++) {
      this.window.add(this.clock.monotonic())
      this.grants.use()
    }
    return started
  }

  #mayStart(): boolean {
    const now = this.clock.monotonic()
    return this.window.nextAt(now) <= now && this.grants.covers()
  }
}

describe('the limit ledger', () => {
  test('grants a tenth of the limit before the first start, and the next tenth when half of it is used', async () => {
    const host = await LedgerProcess.begin(new FakeStream())
    expect(host.start(1)).toBe(1)
    await host.clock.advance(250)
    expect(host.start(4)).toBe(4)
    const base = { type: 'limits', life: 1, parkings: [] }
    const grant = { key: 'a', kind: 'requests', perMs: 60_000 }
    expect(host.stream.records).toEqual([
      { ...base, at: START, upMs: 0, grants: [{ ...grant, used: 0, open: 10 }] },
      { ...base, at: START + 250, upMs: 250, grants: [{ ...grant, used: 5, open: 15 }] },
    ])
  })

  test('reads and writes nothing before it is used', async () => {
    const host = new LedgerProcess(new FakeStream())
    await host.clock.advance(0)
    await host.ledger.close()
    expect([host.stream.reads, host.stream.appends, host.stream.closes]).toEqual([0, 0, 1])
  })

  test('lets nothing start before it has been read, then calls ready', async () => {
    const host = new LedgerProcess(new FakeStream())
    expect([host.grants.covers(0), host.ledger.isOpen, host.readies]).toEqual([false, false, 0])
    await host.clock.advance(0)
    expect([host.readies, host.ledger.isOpen, host.grants.covers()]).toEqual([1, true, true])
  })

  test('waits for a slow stream only when a grant is used up, and calls ready once', async () => {
    const host = await LedgerProcess.begin(new FakeStream())
    host.start(1)
    host.stream.isSlow = true
    expect(host.start(100)).toBe(9)
    expect([host.stream.pending, host.readies]).toEqual([1, 0])
    host.stream.flush()
    await host.clock.advance(0)
    expect(host.readies).toBe(1)
    expect(host.start(100)).toBe(10)
  })

  test('after a crash counts the whole grant as used, at the time of reading', async () => {
    const before = await LedgerProcess.begin(new FakeStream())
    before.start(2)
    const host = await before.next(5_000)
    expect(host.load).toBe(10)
    expect(host.start(1000)).toBe(90)
    await host.clock.advance(60_000)
    expect(host.start(1)).toBe(0)
    await host.clock.advance(1)
    expect(host.start(1000)).toBe(100)
  })

  test('counts what a record reports as used at the time of that record', async () => {
    const before = await LedgerProcess.begin(new FakeStream())
    before.start(5)
    await before.clock.advance(20_000)
    before.start(10)
    const host = await before.next(10_000)
    // 5 were used when the second grant was made, 10 when the third was, which leaves 15 open.
    expect(host.load).toBe(5 + 10 + 15)
    await host.clock.advance(30_002)
    expect(host.load).toBe(10 + 15)
    await host.clock.advance(20_000)
    expect(host.load).toBe(15)
    await host.clock.advance(10_000)
    expect(host.load).toBe(0)
  })

  test('counts the grant of a crashed process until the next process has written a record', async () => {
    const first = await LedgerProcess.begin(new FakeStream())
    first.start(3)
    const second = await first.next(1000)
    expect(second.load).toBe(10)
    expect(second.start(1)).toBe(1)
    const third = await second.next(30_000)
    expect(third.load).toBe(10 + 10)
    await third.clock.advance(30_002)
    expect(third.load).toBe(10)
  })

  test('gives back unused grants when it is closed', async () => {
    const before = await LedgerProcess.begin(new FakeStream())
    before.start(3)
    await before.ledger.close()
    expect([before.start(1), before.stream.closes]).toEqual([0, 1])
    const host = await before.next()
    expect(host.load).toBe(3)
  })

  test('closes once, after the write in flight', async () => {
    const stream = new FakeStream()
    const before = await LedgerProcess.begin(stream)
    stream.isSlow = true
    before.grants.covers()
    const closed = Promise.all([before.ledger.close(), before.ledger.close()])
    expect(stream.closes).toBe(0)
    for (let turn = 0; turn < 3; turn++) {
      stream.flush()
      await before.clock.advance(0)
    }
    await closed
    expect([stream.closes, stream.texts.length, before.readies]).toEqual([1, 2, 0])
    expect((await before.next()).load).toBe(0)
  })

  test('separates keys and kinds', async () => {
    const before = await LedgerProcess.begin(new FakeStream())
    before.start(1)
    const tokens = new RateWindow({ limit: 50_000, perMs: 1000 })
    expect(before.ledger.grants('a', 'tokens', tokens, () => {}).covers(300)).toBe(true)
    const host = await before.next()
    const windows = [new RateWindow(LIMIT), new RateWindow({ limit: 50_000, perMs: 1000 })] as const
    host.ledger.grants('b', 'requests', windows[0], () => {})
    host.ledger.grants('a', 'tokens', windows[1], () => {})
    expect([host.load, windows[0].load(0), windows[1].load(0)]).toEqual([10, 0, 5000])
  })

  test('grants as much as is needed if that is more than a tenth', async () => {
    const host = await LedgerProcess.begin(new FakeStream())
    expect(host.grants.covers(35)).toBe(true)
    host.grants.use(35)
    expect(host.stream.records.at(-1)).toMatchObject({ grants: [{ used: 35, open: 10 }] })
    expect(host.grants.covers(Number.POSITIVE_INFINITY)).toBe(true)
    expect(JSON.stringify(host.stream.records.at(-1))).not.toContain('null')
  })

  test('grants one at a time where the limit is small', async () => {
    const host = await LedgerProcess.begin(new FakeStream(), { limit: { limit: 3, perMs: 1000 } })
    expect(host.start(10)).toBe(3)
    expect((await host.next(0)).load).toBe(3 + 1)
  })

  test('uses the current limit for each grant', async () => {
    const host = await LedgerProcess.begin(new FakeStream())
    host.start(1)
    host.window.limit = { limit: 1000, perMs: 60_000 }
    expect(host.start(4)).toBe(4)
    expect(host.stream.records.at(-1)).toMatchObject({ grants: [{ used: 5, open: 105 }] })
  })

  test('after more was used than granted, starts nothing, not even a weight of 0, until that is durable', async () => {
    const stream = new FakeStream()
    const host = await LedgerProcess.begin(stream)
    expect(host.grants.covers()).toBe(true)
    stream.isSlow = true
    host.grants.use(500)
    expect(host.grants.covers(0)).toBe(false)
    stream.flush()
    await host.clock.advance(0)
    expect([host.grants.covers(0), host.readies]).toEqual([true, 1])
    expect((await host.next()).load).toBe(500 + 10)
  })

  test('adds its history to a window that replaces another', async () => {
    const host = await LedgerProcess.begin(new FakeStream())
    host.start(7)
    const window = new RateWindow(LIMIT)
    host.ledger.grants('a', 'requests', window, () => {})
    host.ledger.grants('a', 'requests', window, () => {})
    expect(window.load(0)).toBe(7)
  })
})

describe('the limit ledger, when the stream fails,', () => {
  test('grants nothing until writing succeeds, retries with growing waits, and reports once', async () => {
    const host = await LedgerProcess.begin(new FakeStream())
    host.start(1)
    host.stream.error = new Error('no space left')
    expect(host.start(100)).toBe(9)
    await host.clock.advance(30_000)
    expect([host.stream.appends, host.readies, host.clock.pending]).toEqual([1 + 9, 0, 1])
    host.stream.error = undefined
    await host.clock.advance(10_000)
    expect([host.readies, host.clock.pending, host.start(100)]).toEqual([1, 0, 90])
    expect(host.problems).toEqual([
      'The limit ledger cannot be written: nothing more is granted until it can (no space left)',
      expect.stringMatching(/^The limit ledger is written again, after 3\d\.\d s$/),
    ])
  })

  test('does the same when a promise is rejected, and grants nothing that may have reached the disk', async () => {
    const host = await LedgerProcess.begin(new FakeStream())
    host.stream.isSlow = true
    expect(host.start(1)).toBe(0)
    host.stream.storeButFail()
    await host.clock.advance(50)
    expect([host.start(1), host.readies, host.stream.texts.length]).toEqual([0, 0, 1])
    await host.clock.advance(50)
    host.stream.flush()
    await host.clock.advance(0)
    expect([host.start(1), host.readies]).toEqual([1, 1])
    expect((await host.next()).load).toBe(10)
  })

  test('lets nothing start while it cannot be read', async () => {
    const stream = new FakeStream()
    stream.error = new Error('is a directory')
    const host = new LedgerProcess(stream)
    expect(host.grants.covers()).toBe(false)
    await host.clock.advance(1000)
    expect([stream.reads, host.readies, host.start(1)]).toEqual([4, 0, 0])
    stream.error = undefined
    await host.clock.advance(1000)
    expect([host.readies, host.start(1)]).toEqual([1, 1])
    expect(host.problems).toEqual([
      'The limit ledger cannot be read: nothing starts until it can (is a directory)',
      expect.stringMatching(/^The limit ledger has been read, after 1\.5 s$/),
    ])
  })

  test('closes, reports what is lost, and leaves no timer', async () => {
    const host = await LedgerProcess.begin(new FakeStream())
    host.start(1)
    host.stream.error = new Error('gone')
    host.start(9)
    expect(host.clock.pending).toBe(1)
    await host.ledger.close()
    expect([host.clock.pending, host.stream.closes]).toEqual([0, 1])
    expect(host.problems.slice(1)).toEqual([
      'The last record of the limit ledger cannot be written: after a restart, what was granted and not used counts as used',
      'The limit ledger cannot be closed',
    ])
  })

  test('can be closed while it is being read', async () => {
    const host = new LedgerProcess(new FakeStream())
    expect(host.grants.covers()).toBe(false)
    await host.ledger.close()
    expect([host.ledger.isOpen, host.readies, host.grants.covers(), host.stream.appends]).toEqual([false, 0, false, 0])
  })

  test('continues when the report listener throws', async () => {
    const stream = new FakeStream()
    const clock = new VirtualClock()
    const report = (): never => {
      throw new Error('a listener that throws')
    }
    const ledger = new LimitLedger({ stream, clock, report })
    stream.error = new Error('gone')
    const grants = ledger.grants('a', 'requests', new RateWindow(LIMIT), () => {})
    expect(grants.covers()).toBe(false)
    await clock.advance(1000)
    stream.error = undefined
    await clock.advance(1000)
    expect(grants.covers()).toBe(true)
  })
})

describe('the limit ledger and the wall clock:', () => {
  test('a record from the future counts as now', async () => {
    const before = await LedgerProcess.begin(new FakeStream())
    before.start(5)
    const host = await before.next(-3_600_000)
    expect(host.load).toBe(5 + 15)
    await host.clock.advance(59_999)
    expect(host.load).toBe(20)
  })

  test('a jump changes nothing between records of one process', async () => {
    const before = await LedgerProcess.begin(new FakeStream())
    before.start(5)
    before.clock.jump(10 * 365 * 86_400_000)
    await before.clock.advance(20_000)
    before.start(10)
    const host = await before.next(0)
    expect(host.load).toBe(5 + 10 + 15)
    await host.clock.advance(40_002)
    expect(host.load).toBe(10 + 15)
  })

  test('a difference below one millisecond counts as none', async () => {
    const before = await LedgerProcess.begin(new FakeStream())
    before.start(5)
    const host = await before.next(1)
    await host.clock.advance(60_000)
    expect(host.load).toBe(20)
  })
})

describe('a cooldown in the limit ledger', () => {
  const quota = { until: START + 60_000, reason: 'quota', message: 'resets at midnight' } as const

  test('holds over a restart for the remaining time', async () => {
    const before = await LedgerProcess.begin(new FakeStream())
    before.ledger.parked('a', quota)
    expect(before.ledger.cooldownOf('a')).toEqual({ ...quota, leftMs: 60_000 })
    const host = await before.next(20_000)
    expect(host.ledger.cooldownOf('a')).toEqual({ ...quota, leftMs: 40_000 })
    expect(host.ledger.cooldownOf('b')).toBeUndefined()
    await host.clock.advance(40_000)
    expect(host.ledger.cooldownOf('a')).toBeUndefined()
  })

  test('is stored as it was set last, and not after it was removed', async () => {
    const before = await LedgerProcess.begin(new FakeStream())
    before.ledger.parked('a', quota)
    before.ledger.parked('b', quota)
    before.ledger.parked('a', { until: START + 5000, reason: 'throttled' })
    before.ledger.opened('b')
    before.ledger.opened('c')
    const host = await before.next(1000)
    expect(host.ledger.cooldownOf('a')).toEqual({ until: START + 5000, reason: 'throttled', leftMs: 4000 })
    expect(host.ledger.cooldownOf('b')).toBeUndefined()
    expect(before.stream.appends).toBe(4)
  })

  test('lasts no longer than its original duration, even if the wall clock has gone back', async () => {
    const before = await LedgerProcess.begin(new FakeStream())
    before.ledger.parked('a', quota)
    const host = await before.next(-86_400_000)
    expect(host.ledger.cooldownOf('a')?.leftMs).toBe(60_000)
  })

  test('ends by the wall clock', async () => {
    const before = await LedgerProcess.begin(new FakeStream())
    before.ledger.parked('a', { until: Number.POSITIVE_INFINITY, reason: 'host' })
    before.ledger.parked('b', quota)
    const host = await before.next(86_400_000)
    expect(host.ledger.cooldownOf('a')?.leftMs).toBeGreaterThan(1e15)
    expect(host.ledger.cooldownOf('b')).toBeUndefined()
  })

  test('can be set before the stream has been read', async () => {
    const host = new LedgerProcess(new FakeStream())
    host.ledger.parked('a', quota)
    expect(host.ledger.cooldownOf('a')).toBeUndefined()
    await host.clock.advance(0)
    expect(host.ledger.cooldownOf('a')?.leftMs).toBe(60_000)
    expect(host.stream.texts).toHaveLength(1)
  })

  test('shares a record with other changes made while the stream was slow', async () => {
    const host = await LedgerProcess.begin(new FakeStream())
    host.stream.isSlow = true
    host.ledger.parked('a', quota)
    host.ledger.parked('b', quota)
    host.ledger.parked('b', { ...quota, until: START + 1 })
    host.grants.covers()
    host.stream.flush()
    await host.clock.advance(0)
    host.stream.flush()
    await host.clock.advance(0)
    expect(host.stream.records.slice(1)).toMatchObject([{ grants: [{ open: 10 }], parkings: [{ until: START + 1 }] }])
  })
})

describe('the stream of the limit ledger', () => {
  /** Starts as much as possible for this many windows. */
  async function busy(host: LedgerProcess, windows: number): Promise<void> {
    for (let part = 0; part < 10 * windows; part++) {
      host.start(10)
      await host.clock.advance(6_001)
    }
  }

  test('is compacted to what still matters when it has grown', async () => {
    const stream = new FakeStream({ replaces: true, texts: ['{"type":"something else","n":1}', '7'] })
    const before = await LedgerProcess.begin(stream)
    before.ledger.parked('p', { until: START + 1e9, reason: 'quota' })
    before.ledger.parked('gone', { until: START + 1, reason: 'quota' })
    await busy(before, 110)
    expect(stream.rewrites).toBe(1)
    expect(stream.texts.length).toBeLessThan(400)
    expect(stream.records.slice(0, 2)).toEqual([{ type: 'something else', n: 1 }, 7])
    expect(stream.texts.join()).not.toContain('gone')
    expect((await before.next()).ledger.cooldownOf('p')).toBeDefined()
  })

  test('means the same after compaction', async () => {
    const compacted = await LedgerProcess.begin(new FakeStream({ replaces: true }), { compactAt: 4 })
    const plain = await LedgerProcess.begin(new FakeStream())
    for (const host of [compacted, plain]) await busy(host, 2.7)
    expect([compacted.stream.rewrites, plain.stream.texts.length]).toEqual([3, 28])
    const [host, same] = [await compacted.next(), await plain.next()]
    for (let ms = 0; ms < 70_000; ms += 1000) {
      expect(host.load).toBe(same.load)
      await host.clock.advance(1000)
      await same.clock.advance(1000)
    }
  })

  test('remembers starts of a longer window for its length after it has been made shorter', () => {
    const history = new GrantHistory()
    for (const [at, perMs] of [
      [0, 60_000],
      [10, 1000],
      [20, 1000],
    ] as const)
      history.add(at, 1, perMs)
    const recent = (now: number): readonly number[] => history.recent(now).map(({ at }) => at)
    expect([recent(1020), recent(1021), recent(60_001), recent(60_011)]).toEqual([[0, 10, 20], [0, 10], [10], []])
  })

  test('is compacted right after a restart, with the open grants of the previous process', async () => {
    const texts = Array.from({ length: 1000 }, (_, i) => record(1, i, { used: 0, open: 4 }))
    const host = await LedgerProcess.begin(new FakeStream({ replaces: true, texts }), {
      clock: new VirtualClock({ startAt: START + 5000 }),
    })
    expect(host.start(1)).toBe(1)
    expect(host.stream.records).toMatchObject([
      { life: 2, upMs: 0, grants: [{ used: 4, open: 0 }] },
      { life: 2, upMs: 0, grants: [{ used: 0, open: 10 }] },
    ])
  })

  test('is appended to when it cannot be compacted', async () => {
    const stream = new FakeStream({ replaces: true })
    stream.replace = () => {
      stream.rewrites++
      throw new Error('not now')
    }
    const host = await LedgerProcess.begin(stream)
    await busy(host, 210)
    expect([stream.rewrites, stream.texts.length > 2000]).toEqual([2, true])
    expect(new Set(host.problems)).toEqual(new Set(['The limit ledger cannot be compacted: it grows until it can']))
  })

  test('may contain invalid records, which are reported', async () => {
    const texts = ['{"type":"limits","life":"x"}', 'null', record(1, 0, { used: 3, open: 0 })]
    const host = await LedgerProcess.begin(new FakeStream({ texts }))
    expect(host.load).toBe(3)
    expect(host.problems).toEqual(['1 of 3 records of the limit ledger are invalid: what they granted is ignored'])
  })

  function record(life: number, upMs: number, { used, open }: { used: number; open: number }): string {
    const grants = [{ key: 'a', kind: 'requests', used, open, perMs: 60_000 }]
    return JSON.stringify({ type: 'limits', life, at: START + upMs, upMs, grants, parkings: [] })
  }
})
