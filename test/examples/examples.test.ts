import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { builtLibrary } from '../package/built.js'
import { ROOT } from '../package/source-tree.js'

/** What each example prints. */
const OUTPUT: Readonly<Record<string, RegExp>> = {
  'approval.ts': /morning, in another process\n.*\n {2}send was approved by Ada\n.*completed: .* send 1 attempt/s,
  'budget.ts':
    /chapter-4 waits for reserved budget\n.*-- hard: .*: hold\n-- 3 tasks are held for more budget: chapter-5, .*\npartial: 6 of 7 chapters for \$0\.80\nchapter-7 is cancelled: .*\n$/s,
  'chat-backend.ts':
    /^(?=.*^-- model waits: slow down\n)(?=.*^sea: Salt \n.*^sea: on \n.*^sea: the \n.*^sea: wind\.\n)(?=.*^harbour: wind\.\n).*\n36 tokens in, 12 out, 4 calls\n$/ms,
  'distributor.ts': /rejected before anything started; it needs several pools: codegen, database, security\n$/,
  'drain.ts': /old process: SIGTERM.*old process: exit code 0\n.*completed: 6 of 6 tasks took one attempt\n$/s,
  'failures.ts': /partial, 50 % delivered\nroot cause: backend is dead .*; skipped: audit, report\n$/,
  'forecast.ts':
    / {2}serial, with .*\nserial: .*\n {2}completed, at most 1 at a time\nparallel: .*\n {2}completed, at most 2 at a time\n$/s,
  'hello.ts':
    /^opening started\nending started\nstory started\nOnce upon a time \.\.\. and they lived happily ever after\.\n$/,
  'http-agents.ts': /parked, throttled: slow down\n.*completed: 20 pages, 400 tokens out; page-20: done\n/s,
  'live-run.ts': /index-of-huge skipped, root cause huge\n.*\npartial: 5 of 5 tasks ended, 3 succeeded\n$/s,
  'map-reduce.ts': /^\w+ +\d+ {2}█{40}\n.*\d+ different words on \d+ pages; the longest is \w+\n$/ms,
  'plan-from-json.ts':
    /\nCYCLE: [^\n]+\nUNKNOWN_DEPENDENCY: [^\n]+did you mean "schema"[^\n]+\nINVALID_INPUT: [^\n]+\n$/,
  'process-agents.ts': /short succeeded \{ words: 3 \}\n.*\nsleeper dead the attempt took longer than 300 ms\n/s,
  'progress-board.ts':
    /1 of 4 tasks\n.*schema +█{20} succeeded.*pages +█+░+ running +file \d+ of 14\n.*4 of 4 tasks\n.*\ncompleted in [\d.]+ s instead of [\d.]+ s\n$/s,
  'resume.ts': /process 2 resumes the run\nb was interrupted\n.*\nb took 2 attempts: b by call 3\n.*\ncompleted\n$/s,
  'shared-account.ts':
    /writer is parked with all pools of acme: throttled.*editor is open again.*completed: 29 calls for 28 tasks, at most 6 in any 300 ms\n$/s,
  'shell-commands.ts':
    /command-1, dead: the attempt took longer than 1200 ms\n.* is dead\n.* is dead\n.* the second attempt\n.* LINUX\n.* 0\n.* 2025\npartial: 96 % of 50 commands in [\d.]+ s\n$/s,
  'stream-server.ts':
    /^(?=.*\n-- the client has gone\n).* attempt\.streamed letter order\n.*\d+ task\.succeeded letter Dear Ada, your order is ready\.\n\d+ run\.settled +\n$/s,
  'testing.ts': /\bpass 3\b.*\bfail 0\b/s,
  'typed-graph.ts':
    /^cities, repair: the output does not match its schema[^\n]+\nCompare \["Porto: 24 degrees","Bergen: 15 degrees"\], then take the first\.\n$/,
}

const names = readdirSync(join(ROOT, 'examples')).filter(name => name.endsWith('.ts'))

beforeAll(() => {
  builtLibrary()
})

/** What an example prints. Throws when it fails, or takes longer than 20 s. */
async function run(name: string): Promise<string> {
  const program = join(ROOT, 'build/examples', name.replace(/\.ts$/, '.js'))
  const { stdout } = await promisify(execFile)(process.execPath, [program], {
    cwd: ROOT,
    timeout: 20_000,
    killSignal: 'SIGKILL',
  })
  return stdout
}

test('covers every example', () => {
  expect(names.sort()).toEqual(Object.keys(OUTPUT))
})

describe.concurrent('an example', () => {
  test.for(names)('%s has at most 60 lines and begins with a comment about what it shows', (name, { expect }) => {
    const lines = readFileSync(join(ROOT, 'examples', name), 'utf8')
      .trimEnd()
      .split('\n')
    expect(lines.length).toBeLessThanOrEqual(60)
    expect(lines[0]).toMatch(/^\/\/ [A-Z].+[.]$/)
  })

  test.for(names)('%s prints the expected output', async (name, { expect }) => {
    expect(await run(name)).toMatch(OUTPUT[name]!)
  })
})

test('stream-server.ts sends every event once, over two connections', async () => {
  const ids = [...(await run('stream-server.ts')).matchAll(/^\d+/gm)].map(([id]) => Number(id))
  expect(ids.length).toBeGreaterThan(8)
  expect(ids).toEqual(ids.map((_, i) => i + 1))
})
