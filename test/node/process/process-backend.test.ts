import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { AgentError, CounterpointError } from 'counterpoint'
import { defaultEnv, jsonRequest, type ProcessOptions, processBackend } from 'counterpoint/node'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { attempt, context, failureOf, request, script, shell, textOf } from './run-attempt.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'process-backend-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))
afterEach(() => {
  vi.unstubAllEnvs()
})

function executable(name: string, text: string): string {
  const file = path.join(folder, name)
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, text)
  chmodSync(file, 0o755)
  return file
}

describe('input and arguments', () => {
  test('the description is written to standard input, which is then closed', async () => {
    expect(await textOf({ command: 'cat' })).toBe('Write a poem')
  })

  test('jsonRequest writes well formed text', () => {
    expect(jsonRequest({ ...request, input: ['half \ud83d'] })).toContain('half \ufffd')
  })

  test('jsonRequest writes the whole request as one line', async () => {
    const text = await textOf({ command: 'cat', stdin: jsonRequest })
    expect(text.indexOf('\n')).toBe(text.length - 1)
    expect(JSON.parse(text)).toEqual({
      runId: 'run-1',
      task: request.task,
      input: { lines: 4 },
      outputs: { plan: 'about the sea' },
    })
  })

  test('jsonRequest includes the feedback on the last answer', async () => {
    const feedback = { attempt: 1, kind: 'invalid-output', message: 'sql: expected a text' } as const
    const text = await textOf({ command: 'cat', stdin: jsonRequest }, { ...request, feedback })
    expect(JSON.parse(text)).toMatchObject({ feedback })
  })

  test.each([
    ['quotes and a command', '"; rm -rf ~'],
    ['substitutions', '$(id) `id` $HOME %PATH% !x &calc | cat > y'],
    ['a leading dash', '--help'],
    ['a NUL and control characters', 'a\0b\u0007\r\n\t'],
    ['200 KB', 'ä'.repeat(100_000)],
  ])('a prompt arrives unchanged: %s', async (_name, prompt) => {
    const taskRequest = { ...request, task: { ...request.task, description: prompt } }
    expect(await textOf({ command: 'cat' }, taskRequest)).toBe(prompt)
  })

  test('binary input arrives unchanged', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i)
    expect(await textOf({ command: 'od', args: ['-An', '-v', '-tu1'], stdin: () => bytes }).then(words)).toEqual([
      ...bytes.keys(),
    ])
  })

  test('arguments arrive unchanged, without a shell', async () => {
    const args = ['"; rm -rf ~', '$(id)', '', '*', '-x', 'a b', '%PATH%', '&calc']
    expect(await textOf({ command: 'printf', args: ['%s\\n', ...args] })).toBe(`${args.join('\n')}\n`)
  })

  test('options may be a function of the request', async () => {
    const backend = processBackend(({ task }) => ({ command: 'echo', args: [task.id] }))
    expect(backend.awaitsTermination).toBe(true)
    expect(await backend.run(request, context)).toEqual({ text: 'write\n', outputTruncated: false })
  })
})

describe('environment', () => {
  test('the program runs in the workdir', async () => {
    expect(await textOf({ command: '/bin/pwd', args: ['-P'], workdir: folder })).toMatch(path.basename(folder))
  })

  test('the program gets the variables in env and setEnv, and no others', async () => {
    vi.stubEnv('A_SECRET', 'canary')
    const names = async (options: Partial<ProcessOptions>): Promise<string[]> =>
      (await textOf({ command: '/usr/bin/env', ...options })).trim().split('\n').sort()
    const ours = [
      'COUNTERPOINT_ATTEMPT=2',
      'COUNTERPOINT_IDEMPOTENCY_KEY=run-1/write/0',
      expect.stringMatching(/^COUNTERPOINT_RUN_TAG=/),
    ]
    expect(await names({ env: [] })).toEqual(ours)
    expect(await names({ env: ['A_SECRET', 'NOT_SET'], setEnv: { B: '1', COUNTERPOINT_ATTEMPT: '9' } })).toEqual([
      'A_SECRET=canary',
      'B=1',
      ...ours,
    ])
    const byDefault = (await names({})).map(line => line.split('=')[0])
    expect(byDefault.filter(name => !defaultEnv.includes(name!))).toEqual(
      ours.map(() => expect.stringMatching(/^COUNTERPOINT_/)),
    )
    expect(byDefault).toContain('PATH')
  })

  test('the tag of a nested orchestrator is appended to that of its agent', async () => {
    vi.stubEnv('COUNTERPOINT_RUN_TAG', 'outer')
    expect(await textOf(shell('echo $COUNTERPOINT_RUN_TAG'))).toMatch(/^outer\.[\w-]{61}\n$/)
  })

  test('a command is looked up in the absolute folders of PATH, and not in the workdir', async () => {
    executable('bin/our-agent', '#!/bin/sh\necho found')
    executable('work/our-agent', '#!/bin/sh\necho wrong')
    const workdir = path.join(folder, 'work')
    vi.stubEnv('PATH', `:.:work:${path.relative(process.cwd(), workdir)}:${process.env.PATH}`)
    expect(await failureOf({ command: 'our-agent', workdir })).toMatchObject({
      kind: 'refused',
      code: 'BACKEND_NOT_FOUND',
    })
    vi.stubEnv('PATH', `.:${folder}/bin:${process.env.PATH}`)
    expect(await textOf({ command: 'our-agent', workdir })).toBe('found\n')
  })

  test('a command with a slash is relative to the folder of the host, not to the workdir', async () => {
    executable('work/local-agent', '#!/bin/sh\necho wrong')
    const options = { command: './local-agent', workdir: path.join(folder, 'work') }
    expect(await failureOf(options)).toMatchObject({ kind: 'refused', code: 'BACKEND_NOT_FOUND' })
    const fromHere = `./${path.relative(process.cwd(), path.join(folder, 'work/local-agent'))}`
    expect(await textOf({ command: fromHere })).toBe('wrong\n')
  })
})

describe('a program that cannot be started', () => {
  test('missing programs and missing folders are distinguished, although the system names the program for both', async () => {
    const noProgram = await failureOf({ command: 'no-such-agent' })
    expect(noProgram).toBeInstanceOf(AgentError)
    expect(noProgram).toMatchObject({
      kind: 'refused',
      code: 'BACKEND_NOT_FOUND',
      message: expect.stringMatching(/"no-such-agent".*PATH.*Install/),
    })
    const noFolder = await failureOf({ command: 'cat', workdir: path.join(folder, 'nowhere') })
    expect(noFolder).toMatchObject({
      kind: 'refused',
      code: 'WORKDIR_NOT_FOUND',
      message: expect.stringMatching(/nowhere.*it does not exist/),
    })
    const file = executable('a-file', '')
    expect(await failureOf({ command: 'cat', workdir: file })).toMatchObject({
      kind: 'refused',
      code: 'WORKDIR_NOT_FOUND',
    })
  })

  test('a program that is deleted between two attempts is missing, and found again when it returns', async () => {
    const file = executable('shy', '#!/bin/sh\necho here')
    const backend = processBackend({ command: file })
    expect(await backend.run(request, context)).toMatchObject({ text: 'here\n' })
    rmSync(file)
    await expect(backend.run(request, context)).rejects.toMatchObject({ kind: 'refused', code: 'BACKEND_NOT_FOUND' })
    executable('shy', '#!/bin/sh\necho back')
    expect(await backend.run(request, context)).toMatchObject({ text: 'back\n' })
  })

  test('a file without execute permission is distinguished from a missing one', async () => {
    const file = executable('locked', '#!/bin/sh\n')
    chmodSync(file, 0o644)
    expect(await failureOf({ command: file })).toMatchObject({
      kind: 'refused',
      code: 'EACCES',
      message: expect.stringMatching(/permission is denied/),
    })
  })

  test('a missing interpreter of a script is reported', async () => {
    const file = executable('script', '#!/no/such/interpreter\n')
    expect(await failureOf({ command: file })).toMatchObject({
      kind: 'refused',
      code: 'BACKEND_NOT_FOUND',
      message: expect.stringMatching(/interpreter/),
    })
  })

  test('on Windows a batch file is rejected, because only a shell can run it', async () => {
    const file = executable('agent.cmd', '')
    const platform = Object.getOwnPropertyDescriptor(process, 'platform')!
    Object.defineProperty(process, 'platform', { ...platform, value: 'win32' })
    try {
      expect(await failureOf({ command: file })).toMatchObject({
        kind: 'refused',
        code: 'BATCH_FILE',
        message: expect.stringMatching(/without a shell/),
      })
    } finally {
      Object.defineProperty(process, 'platform', platform)
    }
  })

  test.each<[string, ProcessOptions, RegExp]>([
    ['the command', { command: 'a\0b' }, /^command: .*NUL/],
    ['an argument', { command: 'cat', args: ['a', 'b\0'] }, /^args\[1\]: .*NUL/],
    ['the workdir', { command: 'cat', workdir: 'a\0' }, /^workdir: .*NUL/],
    ['a variable', { command: 'cat', setEnv: { A: 'secret\0' } }, /^the variable "A": .*NUL/],
    ['the name of a variable', { command: 'cat', setEnv: { 'A\0': '' } }, /NUL/],
  ])('NUL in %s fails with bad-input', async (_name, options, message) => {
    const failure = await failureOf(options)
    expect(failure).toMatchObject({ kind: 'bad-input', message: expect.stringMatching(message) })
    expect(failure.message).not.toContain('secret')
  })

  test('an argument of 128 KiB fails with bad-input, one byte less does not', async () => {
    const longest = 'x'.repeat(131_071)
    expect(await textOf({ command: 'printf', args: ['%s', longest] })).toBe(longest)
    const failure = await failureOf({ command: 'printf', args: ['%s', `${longest}x`] })
    expect(failure).toMatchObject({
      kind: 'bad-input',
      message: expect.stringMatching(/^args\[1\]: .*131072.*standard input/),
    })
    expect(await failureOf({ command: 'cat', setEnv: { A: longest } })).toMatchObject({ kind: 'bad-input' })
    expect(await failureOf({ command: 'printf', args: Array(100).fill(longest) })).toMatchObject({
      kind: 'bad-input',
      code: 'E2BIG',
    })
  })

  test('functions that throw or return a wrong type fail with bad-input, unless they throw an AgentError', async () => {
    const broken = (): never => {
      throw new Error('boom')
    }
    const refusing = (): never => {
      throw new AgentError('refused', 'not today')
    }
    expect(await failureOf({ command: 'cat', stdin: broken })).toMatchObject({
      kind: 'bad-input',
      cause: { message: 'boom' },
    })
    expect(await failureOf({ command: 'cat', stdin: refusing })).toMatchObject({
      kind: 'refused',
      message: 'not today',
    })
    expect(await failureOf({ command: 'cat', stdin: () => 7 as never })).toMatchObject({
      kind: 'bad-input',
      message: expect.stringMatching(/^stdin: /),
    })
    const invalid = processBackend(() => ({ command: 'cat', killGraceMs: -1 }))
    await expect(invalid.run(request, context)).rejects.toMatchObject({
      kind: 'bad-input',
      message: expect.stringMatching(/killGraceMs: /),
    })
  })

  test('setEnv accepts process.env', () => {
    expect(() => processBackend({ command: 'cat', setEnv: process.env as Record<string, string> })).not.toThrow()
  })

  test('rejects invalid and unknown options, all in one error that shows no secret', () => {
    const wrong = {
      command: '',
      args: 'x',
      output: 'xml',
      maxOutputBytes: 0,
      drainMs: Number.NaN,
      setEnv: { A: 1_234_567 },
      argz: [],
    }
    try {
      processBackend(wrong as never)
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(CounterpointError)
      const { code, details } = error as CounterpointError<'INVALID_INPUT'>
      expect(code).toBe('INVALID_INPUT')
      expect(details.issues.map(issue => issue.path)).toEqual([
        'command',
        'args',
        'setEnv.A',
        'output',
        'maxOutputBytes',
        'drainMs',
        'argz',
      ])
      expect((error as Error).message).toContain('argz: unknown key (did you mean "args"?)')
      expect((error as Error).message).not.toContain('1234567')
    }
  })
})

describe('exit', () => {
  test('an agent may end without reading its input', async () => {
    expect(await textOf(shell('exec <&-; echo done', { stdin: () => 'x'.repeat(10_000_000) }))).toBe('done\n')
  })

  test('an exit code other than 0 is a failure with the end of standard error', async () => {
    const failure = await failureOf(
      shell('echo partial; printf "a\\033[31mred\\033[0m \\007\\r\\nbell\\342\\200\\256" >&2; exit 3'),
    )
    expect(failure).toMatchObject({ kind: 'agent', status: 3 })
    expect(failure.message).toBe(
      'Expected exit code 0, but the agent exited with code 3. The end of its standard error:\nared \nbell',
    )
    expect((await failureOf(shell('exit 1'))).message).toMatch(/wrote nothing to standard error/)
  })

  test('a long standard error is cut to its end', async () => {
    const failure = await failureOf(script(`process.stderr.write('x'.repeat(3e6) + 'the end'); process.exitCode = 1`))
    expect(failure.message).toMatch(/xxx the end$|xxxthe end$/)
    expect(failure.message.length).toBeLessThan(2_200)
  })

  test('messages contain no value of a variable, even if the agent prints it', async () => {
    vi.stubEnv('PASSED_KEY', 'canary-one-11')
    const options = shell('echo "bad key $SET_KEY $PASSED_KEY" >&2; exit 1 # canary-three', {
      env: [...defaultEnv, 'PASSED_KEY'],
      setEnv: { SET_KEY: 'canary-two-22' },
    })
    const failure = await failureOf(options)
    expect(failure.message).toMatch(/bad key \[SET_KEY\] \[PASSED_KEY\]$/)
    expect(failure.message).not.toContain('canary')
  })

  test.each([
    ['colours', (key: string) => `\x1b[31m${key.slice(0, 5)}\x1b[0m${key.slice(5)}`],
    ['JSON', (key: string) => JSON.stringify({ key })],
    ['a URL', (key: string) => `https://host/?key=${encodeURIComponent(key)}`],
    ['base64', (key: string) => btoa(`me:${key}`)],
    ['one of its lines', (key: string) => `${key.split('\n')[1]}`],
    ['the beginning of what is kept', (key: string) => `${key}${'\x1b[0m'.repeat(8 * 256 - 2)}`],
  ])('messages contain no value of a variable that the agent prints in %s', async (_, spell) => {
    const key = 'canary "one" 1234\ncanary/two/5678'
    const text = spell(key)
    const program = `process.stderr.write(${JSON.stringify(text)}); process.exitCode = 1`
    const failure = await failureOf({ ...script(program), setEnv: { KEY: key } })
    expect(failure.message).toMatch(/\[KEY\]/)
    expect(failure.message).not.toMatch(/canary|two|1234|5678|Y2FuYXJ5/)
  })

  test.each([
    [
      'a signal',
      'kill -KILL $$',
      { kind: 'crashed', code: 'SIGKILL', status: undefined, message: expect.stringMatching(/was ended by SIGKILL/) },
    ],
    ['an exit code of 128 and a signal', 'exit 137', { kind: 'crashed', code: 'SIGKILL', status: 137 }],
    ['an exit code past all signals', 'exit 250', { kind: 'agent', code: undefined, status: 250 }],
  ])('an end by %s is recognised', async (_name, source, expected) => {
    expect(await failureOf(shell(source))).toMatchObject(expected)
  })

  test('an abort before the start starts no process', async () => {
    const file = path.join(folder, 'started')
    const abort = new AbortController()
    abort.abort()
    const aborted = { ...context, signal: abort.signal }
    await expect(processBackend({ command: 'touch', args: [file] }).run(request, aborted)).rejects.toMatchObject({
      code: 'ABORTED',
    })
    const early = attempt({ command: 'touch', args: [file] })
    early.abort.abort(new AgentError('timeout', 'too late'))
    await expect(early.result).rejects.toMatchObject({ kind: 'timeout', message: 'too late' })
    expect(await textOf(shell(`ls ${folder}`))).not.toMatch(/started/)
  })
})

function words(text: string): number[] {
  return text.trim().split(/\s+/).map(Number)
}

test('extractJson is refused where nothing would read it', () => {
  const of = (output?: 'text' | 'jsonl') => () => processBackend({ command: 'agent', extractJson: true, output })
  const error = expect.objectContaining({
    code: 'INVALID_INPUT',
    message: expect.stringContaining("extractJson: expected it only with output: 'json'"),
  })
  expect(of()).toThrow(error)
  expect(of('text')).toThrow(error)
  expect(of('jsonl')).toThrow(error)
})
