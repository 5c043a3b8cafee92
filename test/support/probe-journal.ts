import type { Journal, JournalRecord, OpenJournal } from 'counterpoint'

/** A synchronous journal that stores JSON text like a disk, counts its open handles, and can refuse a record. */
export class ProbeJournal implements Journal {
  readonly runs = new Map<string, string[]>()
  opened = 0
  closed = 0
  /** Records written, over all runs. */
  written = 0
  /** Throws instead of writing this record and all that follow; counted from 1 over all runs. */
  refuseFrom = Number.POSITIVE_INFINITY

  /** A journal with the first `count` records of each run of another one, as after a crash. */
  static after(other: ProbeJournal, count: number): ProbeJournal {
    const journal = new ProbeJournal()
    for (const [runId, lines] of other.runs) journal.runs.set(runId, lines.slice(0, count))
    return journal
  }

  open(runId: string): OpenJournal {
    this.opened++
    const lines = this.runs.get(runId) ?? []
    this.runs.set(runId, lines)
    return {
      synchronous: true,
      append: record => {
        if (++this.written >= this.refuseFrom) throw new Error('the disk is full')
        lines.push(JSON.stringify(record))
      },
      read: () => this.records(runId),
      close: () => {
        this.closed++
      },
    }
  }

  read(runId: string): readonly JournalRecord[] {
    return this.records(runId)
  }

  list(): Iterable<string> {
    return this.runs.keys()
  }

  delete(runId: string): void {
    this.runs.delete(runId)
  }

  records(runId: string): readonly JournalRecord[] {
    return (this.runs.get(runId) ?? []).map(line => JSON.parse(line) as JournalRecord)
  }
}
