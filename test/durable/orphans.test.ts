import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, chmodSync, constants, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { hasProc } from '../../src/node/process/process-table.js'
import { buildProgram } from '../node/journal/child-process.js'
import { isAlive, until } from '../node/process/run-attempt.js'

const SOURCE = `import * as functions from './test/durable/orphan-host.ts'
const [what, ...args] = process.argv.slice(2)
await functions[what](...args)`

/** Writes its pid to a file of that name, and lives on. */
const sleeper = (name: string): string => `'echo $$ > '$FOLDER'/pids/${name}; exec sleep 120'`

/** What an agent may start: each child writes its pid. Links to the agent are missing in more and more ways. */
const CHILDREN = {
  child: `sh -c ${sleeper('child')} &`,
  session: `setsid sh -c ${sleeper('session')} &`,
  bare: `env -i sh -c ${sleeper('bare')} &`,
  apart: `env -i setsid sh -c ${sleeper('apart')} </dev/null >/dev/null 2>&1 &`,
  nested: `env -i setsid sh -c 'env -i setsid sh -c "echo \\$\\$ > $0/pids/nested; exec sleep 120" & wait' $FOLDER &`,
}

/** As `apart`, but its parent ends at once: only the kernel knows. Not at the start, when the agent may not be in its group yet. */
const DAEMON = { daemon: `sleep 0.3; env -i setsid -f sh -c ${sleeper('daemon')} </dev/null >/dev/null 2>&1` }

const ENDS = {
  'lives on': 'sleep 120',
  'dies with its host': 'while echo "{}"; do sleep 0.05; done 2>/dev/null',
}

const isRoot = process.getuid?.() === 0
const hasCgroups = isRoot && canCreateCgroups()
const NOBODY = 65_534

describe.skipIf(!hasProc)('of an agent (skipped without /proc)', () => {
  let root: string
  let host: string
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'counterpoint-orphans-'))
    chmodSync(root, 0o755)
    host = await buildProgram(root, SOURCE)
  })
  afterAll(() => rmSync(root, { recursive: true }))

  type Children = Readonly<Record<string, string>>
  const user = (uid: number | undefined): object => (uid === undefined ? {} : { uid, gid: uid })

  /** A host with an agent that has started these children: its pid and theirs. */
  async function started(what: 'run' | 'cancel', children: Children, end: string, uid?: number) {
    const folder = mkdtempSync(join(root, 'run-'))
    const pidFolder = join(folder, 'pids')
    mkdirSync(pidFolder)
    for (const each of [folder, pidFolder]) chmodSync(each, 0o777)
    const agent = `echo $$ > $FOLDER/pids/agent; ${Object.values(children).join('\n')}\n${end}`
    const stdio = ['pipe', 'pipe', 'inherit'] as const
    const first = spawn(process.execPath, [host, what, folder, agent], { ...user(uid), stdio: [...stdio] })
    onTestFinished(() => void first.kill('SIGKILL'))
    const count = Object.keys(children).length + 1
    const pids = await until(() => {
      const found = pidsIn(pidFolder)
      return found.length === count && found
    }, 15_000)
    // Where a child is linked to the agent by its parent alone, the host must have looked, which it does soon after the start.
    await new Promise(resolve => setTimeout(resolve, 500))
    expect(pids.filter(isAlive)).toEqual(pids)
    return { folder, first, pids, agent: pidOf(join(pidFolder, 'agent')) }
  }

  async function killedAndResumed(children: Children, end: keyof typeof ENDS, uid?: number): Promise<void> {
    const { folder, first, pids, agent } = await started('run', children, ENDS[end], uid)
    first.kill('SIGKILL')
    await once(first, 'exit')
    if (end === 'dies with its host') await until(() => !isAlive(agent))
    expect(pids.filter(isAlive).length).toBeGreaterThanOrEqual(pids.length - 1)
    const { stdout } = await promisify(execFile)(process.execPath, [host, 'resume', folder], user(uid))
    expect(pids.filter(isAlive)).toEqual([])
    expect(stdout.trim()).toBe('succeeded 2')
  }

  async function cancelled(children: Children, uid?: number): Promise<void> {
    const { first, pids } = await started('cancel', children, ENDS['lives on'], uid)
    first.stdin?.write('now')
    const [printed] = (await once(first.stdout as Readable, 'data')) as [Buffer]
    expect(pids.filter(isAlive)).toEqual([])
    expect(printed.toString().trim()).toBe('cancelled')
  }

  const users = { 'the user of the tests': undefined, 'a user without privileges': NOBODY }

  describe.each(Object.entries(users))('of %s', (_, uid) => {
    describe.skipIf(uid !== undefined && !isRoot)('(the latter only where the tests run as root)', () => {
      test.each(['lives on', 'dies with its host'] as const)(
        'that %s after kill -9 of the host, a resume ends every child before the next attempt',
        async end => killedAndResumed(CHILDREN, end, uid),
      )
      test('that is cancelled, every child is ended', async () => cancelled(CHILDREN, uid))
    })
  })

  describe.skipIf(!hasCgroups)('with a daemon that no link is left to (skipped without control groups)', () => {
    test.each(['lives on', 'dies with its host'] as const)('that %s after kill -9 of the host, a resume ends it', end =>
      killedAndResumed({ ...CHILDREN, ...DAEMON }, end),
    )
    test('a cancel ends it', () => cancelled({ ...CHILDREN, ...DAEMON }))
  })
})

function pidsIn(folder: string): readonly number[] {
  return readdirSync(folder).flatMap(name => pidOf(join(folder, name)) || [])
}

function pidOf(file: string): number {
  return Number(readFileSync(file, 'utf8'))
}

function canCreateCgroups(): boolean {
  try {
    const mount = /^\S+ \S+ \S+ \S+ (\S+) .* - cgroup2 /m.exec(readFileSync('/proc/self/mountinfo', 'utf8'))?.[1]
    accessSync(mount ?? '/nowhere', constants.W_OK)
    return true
  } catch {
    return false
  }
}
