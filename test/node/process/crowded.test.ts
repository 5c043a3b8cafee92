import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasProc } from '../../../src/node/process/process-table.js'
import { buildProgram } from '../journal/child-process.js'

const SOURCE = `import { crowd } from './test/node/process/crowded-host.ts'
await crowd(...process.argv.slice(2))`

interface Report {
  readonly succeeded: number
  readonly codes: Readonly<Record<string, number>>
  readonly leaked: number
}

describe.skipIf(!hasProc)('a host that runs short of', () => {
  let folder: string
  let program: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'counterpoint-crowded-'))
    chmodSync(folder, 0o755)
    program = await buildProgram(folder, SOURCE)
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  async function crowd(limit: string, tasks: number, user: object = {}): Promise<Report> {
    const script = `ulimit ${limit}; exec "$0" "$@"`
    const args = ['-c', script, process.execPath, program, String(tasks), 'sleep', '0.2']
    return JSON.parse((await promisify(execFile)('/bin/bash', args, user)).stdout) as Report
  }

  test.each([60, 61, 62])('file handles (%i) starts the rest later, and loses none', async files => {
    const { succeeded, codes, leaked } = await crowd(`-n ${files}`, 30)
    expect([succeeded, leaked]).toEqual([30, 0])
    expect(codes['overloaded EMFILE']).toBeGreaterThan(0)
    expect(Object.keys(codes)).toEqual(['overloaded EMFILE'])
  })

  test.skipIf(process.getuid?.() !== 0)(
    'processes starts the rest later, and loses none (as root, who has no such limit)',
    async () => {
      // Of a user who has no other process: the threads of the host count, too.
      const { succeeded, codes, leaked } = await crowd('-u 24', 30, { uid: 61_234, gid: 61_234 })
      expect([succeeded, leaked]).toEqual([30, 0])
      expect(Object.keys(codes)).toEqual(['overloaded EAGAIN'])
    },
  )
})
