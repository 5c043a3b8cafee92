import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Orchestrator, readRun } from 'counterpoint'
import { type FileJournalOptions, fileJournal } from 'counterpoint/node'
import { describe, expect, onTestFinished, test } from 'vitest'

const LARGE = 'x'.repeat(20_000)

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'counterpoint-odd-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function orchestrator(folder: string, options: Partial<FileJournalOptions> = {}) {
  const errors: string[] = []
  const pools = { p: { backend: ({ task }: { task: { id: string } }) => (task.id === 'b' ? LARGE : task.id) } }
  const made = new Orchestrator({ pools, journal: fileJournal({ folder, ...options }) })
  made.on('error', ({ where, error }) => void errors.push(`${where} ${error}`))
  return Object.assign(made, { errors })
}

/** A folder `runs` with a suspended run `x`: `a` and `b` have succeeded, `b` with a large output; `c` waits for an approval. */
async function suspended() {
  const folder = join(temporary(), 'runs')
  const first = orchestrator(folder)
  const tasks = [{ id: 'a' }, { id: 'b', after: ['a'] }, { id: 'c', after: ['b'], approval: true }]
  const run = first.run({ tasks }, { runId: 'x' })
  const held = new Promise(resolve => run.on('task.held', resolve))
  run.result.catch(() => {})
  await held
  await first.drain()
  const blobs = join(folder, 'x/blobs')
  const blob = join(blobs, readdirSync(blobs)[0] as string)
  return {
    folder,
    run: join(folder, 'x'),
    blobs,
    blob,
    segment: join(folder, 'x/journal-000001.log'),
    lock: join(folder, 'x/LOCK'),
  }
}

const KINDS: Readonly<Record<string, (path: string) => unknown>> = {
  'a named pipe': path => execFileSync('mkfifo', [path]),
  'a folder': path => mkdirSync(path),
  'a symlink to a folder': path => symlinkSync(temporary(), path),
  'a symlink to a file': path => symlinkSync(otherFile(), path),
  'a symlink to nothing': path => symlinkSync(join(path, 'nothing'), path),
  'a socket': async path => {
    const server = createServer()
    await new Promise<void>(resolve => server.listen(path, resolve))
    onTestFinished(() => void server.close())
  },
}

function otherFile(): string {
  const path = join(temporary(), 'other')
  writeFileSync(path, 'precious')
  return path
}

const code = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: { code?: string }) => error.code ?? error,
  )

describe.skipIf(process.platform === 'win32').each(Object.entries(KINDS))('%s', (kind, put) => {
  test.each(['blob', 'segment', 'lock', 'run'] as const)(
    'in place of a %s is refused with JOURNAL: nothing waits for it or follows it',
    async where => {
      // A folder is what belongs there.
      if (where === 'run' && kind === 'a folder') return
      const paths = await suspended()
      rmSync(paths[where], { recursive: true, force: true })
      await put(paths[where])
      const { folder } = paths
      const isReadable = where === 'lock'
      expect(await code(readRun(fileJournal({ folder }), 'x'))).toBe(isReadable ? undefined : 'JOURNAL')
      const made = orchestrator(folder)
      expect(await code(made.resume('x'))).toBe('JOURNAL')
      const listed = (await made.runs.list()).map(({ runId, status }) => `${runId} ${status}`)
      expect(listed).toEqual(isReadable ? ['x suspended'] : where === 'run' ? [] : ['x damaged'])
      if (where === 'run' || where === 'lock') expect(await code(made.runs.delete('x'))).toBe('JOURNAL')
      else expect(await code(made.runs.delete('x'))).toBeUndefined()
      await made.drain()
      expect(existsSync(paths.run)).toBe(where === 'run' ? existsSync(paths.run) : where === 'lock')
    },
  )

  test('in place of the folder of large payloads is not followed, for reading and for writing', async () => {
    const { folder, blobs } = await suspended()
    renameSync(blobs, `${folder}-blobs`)
    await put(blobs)
    expect(await code(readRun(fileJournal({ folder }), 'x'))).toBe('JOURNAL')
    expect(await code(orchestrator(folder).resume('x'))).toBe('JOURNAL')
  })
})

test.skipIf(process.platform === 'win32')(
  'a blobs folder that is a symlink to the real one is not followed',
  async () => {
    const { folder, blobs } = await suspended()
    renameSync(blobs, `${folder}-blobs`)
    symlinkSync(`${folder}-blobs`, blobs)
    expect(await code(orchestrator(folder).resume('x'))).toBe('JOURNAL')
    const cut = orchestrator(folder, { onDamage: 'cut' })
    const run = await cut.resume('x')
    expect(cut.errors.join()).toContain('move it away'.replace('move', 'Move'))
    await cut.drain()
    expect(readdirSync(`${folder}-blobs`)).toHaveLength(1)
    expect(run.id).toBe('x')
  },
)

test.skipIf(process.platform === 'win32')('what is left of a deletion is never followed', async () => {
  const { folder } = await suspended()
  const other = temporary()
  writeFileSync(join(other, 'precious'), '')
  symlinkSync(other, join(folder, '.deleted-1'))
  execFileSync('mkfifo', [join(folder, '.deleted-2')])
  await orchestrator(folder).runs.delete('x')
  expect(readdirSync(folder)).toEqual([])
  expect(readdirSync(other)).toEqual(['precious'])
})

describe('a large payload that is lost', () => {
  const lose: Readonly<Record<string, (blob: string) => unknown>> = {
    missing: blob => rmSync(blob),
    damaged: blob => writeFileSync(blob, '"y"'),
    'a named pipe': blob => {
      rmSync(blob)
      execFileSync('mkfifo', [blob])
    },
    'in a folder that is gone': blob => rmSync(join(blob, '..'), { recursive: true }),
  }

  test.skipIf(process.platform === 'win32').each(Object.entries(lose))(
    '(%s) is refused, and cut with onDamage: the records before it stay, the task runs again, and the cut is final',
    async (_, losing) => {
      const { folder, blob } = await suspended()
      losing(blob)
      expect(await code(orchestrator(folder).resume('x'))).toBe('JOURNAL')
      const made = orchestrator(folder, { onDamage: 'cut' })
      expect((await readRun(fileJournal({ folder, onDamage: 'cut' }), 'x')).tasks.map(({ status }) => status)).toEqual([
        'succeeded',
        'running',
        'blocked',
      ])
      const run = await made.resume('x')
      expect(made.errors.filter(error => error.includes("cut here because onDamage is 'cut'"))).toHaveLength(1)
      await new Promise(resolve => run.on('task.held', resolve))
      expect(run.task('b')).toMatchObject({ status: 'succeeded', attempts: 2, output: LARGE })
      await made.drain()
      const last = orchestrator(folder)
      const again = await last.resume('x')
      await again.approve('c')
      expect((await again.result).outcome).toBe('completed')
      await last.drain()
      expect(last.errors).toEqual([])
    },
  )

  test('in the first record of a run leaves nothing of it: resume rejects with NOT_FOUND', async () => {
    const folder = temporary()
    const first = orchestrator(folder)
    await first.run({ tasks: [{ id: 'a', input: LARGE }] }, { runId: 'x' }).result
    await first.drain()
    rmSync(join(folder, 'x/blobs'), { recursive: true })
    expect(await code(orchestrator(folder, { onDamage: 'cut' }).resume('x'))).toBe('NOT_FOUND')
  })
})

describe('a name of a segment', () => {
  test.each(['journal-999999999.log', 'journal-1000000000.log', 'journal-000007.log'])(
    'with any number (%s) is continued after: what is written then is read again, twice',
    async stray => {
      const { folder, run } = await suspended()
      writeFileSync(join(run, stray), '')
      for (let round = 0; round < 2; round++) {
        const made = orchestrator(folder)
        const resumed = await made.resume('x')
        await resumed.pause()
        await resumed.unpause()
        await made.drain()
      }
      const last = orchestrator(folder)
      const resumed = await last.resume('x')
      await resumed.approve('c')
      expect((await resumed.result).outcome).toBe('completed')
      await last.drain()
      const report = await readRun(fileJournal({ folder }), 'x')
      expect([report.status, report.outcome]).toEqual(['settled', 'completed'])
    },
  )

  test.each([
    ['journal-999999999999999.log', 'no number is left'],
    ['journal-9999999999999999.log', 'belongs to no segment'],
    ['journal-1.log', 'belongs to no segment'],
    ['journal-0000001.log', 'belongs to no segment'],
    ['journal-000000.log', 'belongs to no segment'],
    ['journal-.log', 'belongs to no segment'],
  ])('that leaves no room or is odd (%s) is refused, and nothing is changed', async (stray, words) => {
    const { folder, run } = await suspended()
    writeFileSync(join(run, stray), '')
    const before = readdirSync(run)
    await expect(orchestrator(folder).resume('x')).rejects.toThrow(words)
    expect(readdirSync(run)).toEqual(before)
    rmSync(join(run, stray))
    const made = orchestrator(folder)
    expect((await made.resume('x')).id).toBe('x')
    await made.drain()
  })

  test('that a copy of another segment has is refused: it belongs elsewhere', async () => {
    const { folder, run, segment } = await suspended()
    execFileSync('cp', [segment, join(run, 'journal-000002.log')])
    await expect(orchestrator(folder).resume('x')).rejects.toThrow('does not belong here')
  })

  test('that was renamed is refused, and not taken for an empty run', async () => {
    const { folder, run, segment } = await suspended()
    renameSync(segment, join(run, 'journal-01.log'))
    expect(await code(orchestrator(folder).resume('x'))).toBe('JOURNAL')
    expect((await orchestrator(folder).runs.list()).map(({ status }) => status)).toEqual(['damaged'])
  })
})

describe('an unknown id', () => {
  const operations: Readonly<Record<string, (folder: string) => Promise<unknown>>> = {
    resume: folder => orchestrator(folder).resume('unknown'),
    'resume, twice at once': folder =>
      Promise.all([orchestrator(folder).resume('unknown'), orchestrator(folder).resume('unknown')]),
    show: folder => orchestrator(folder).runs.show('unknown'),
    readRun: folder => readRun(fileJournal({ folder }), 'unknown'),
    delete: folder => orchestrator(folder).runs.delete('unknown'),
    list: async folder => {
      const listed = await orchestrator(folder).runs.list()
      throw Object.assign(new Error(), { code: listed.length === 0 ? 'NOT_FOUND' : 'runs' })
    },
    'a run that never began': async folder => {
      const made = orchestrator(folder)
      const options = { runId: 'unknown', whenFull: 'reject' } as const
      await made.run({ tasks: [{ id: 'a', pool: 'none' as 'p' }] }, options).result
    },
  }

  test.each(Object.entries(operations))('leaves nothing behind (%s)', async (_, operate) => {
    const parent = temporary()
    const folder = join(parent, 'deep/runs')
    expect(['NOT_FOUND', 'JOURNAL', 'NO_POOL']).toContain(await code(Promise.resolve().then(() => operate(folder))))
    await new Promise(resolve => setTimeout(resolve, 20))
    expect(readdirSync(parent)).toEqual([])
  })

  test('leaves the other runs of the folder as they are', async () => {
    const { folder } = await suspended()
    expect(await code(orchestrator(folder).resume('unknown'))).toBe('NOT_FOUND')
    expect(readdirSync(folder).filter(name => !name.startsWith('.'))).toEqual(['x'])
  })

  test('can be used for a new run afterwards', async () => {
    const folder = temporary()
    const made = orchestrator(folder)
    expect(await code(made.resume('x'))).toBe('NOT_FOUND')
    expect((await made.run({ tasks: [{ id: 'a' }] }, { runId: 'x' }).result).outcome).toBe('completed')
    await made.drain()
  })
})
