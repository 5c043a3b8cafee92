import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { blocksOf } from './markdown.js'
import { type Compiled, compilePrograms, programsOf } from './programs.js'
import { shellProblem } from './shell.js'

const PAGE = `# Page

\`\`\`ts
const greeting: string = 'hello'
\`\`\`

\`\`\`ts continued
if (greeting !== 'hello') throw new Error('no greeting')
\`\`\`

- In a list:

  ~~~ts no-run
  const count: number = 'three'
  ~~~

\`\`\`ts
import { readFileSync } from 'node:fs'
if (JSON.parse(readFileSync('answer.json', 'utf8')) !== 42) throw new Error('no answer')
\`\`\`

\`\`\`ts
await Promise.resolve()
throw new Error('on purpose')
\`\`\`

\`\`\`ts
await fetch('http://192.0.2.1/')
\`\`\`

\`\`\`json file=answer.json
42
\`\`\`

\`\`\`ts file=plan.ts
export const greeting: string = 'hello'
\`\`\`

\`\`\`ts
import { greeting } from './plan.ts'
console.log(greeting)
\`\`\`

\`\`\`ts
console.error('a listener failed')
\`\`\`
`

describe('the code block checker', () => {
  const blocks = blocksOf('page.md', PAGE)
  const programs = programsOf(blocks)
  const [hello, continued, wrong, reads, throws, fetches, file, imports, warns] = programs as [
    (typeof programs)[0],
    ...typeof programs,
  ]
  let compiled: Compiled
  beforeAll(() => {
    compiled = compilePrograms(programs)
  }, 60_000)
  afterAll(() => compiled.dispose())

  test('finds every fence with its line, language and marks', () => {
    expect(blocks.map(({ line, language, marks }) => [line, language, ...marks])).toEqual([
      [4, 'ts'],
      [8, 'ts', 'continued'],
      [14, 'ts', 'no-run'],
      [18, 'ts'],
      [23, 'ts'],
      [28, 'ts'],
      [32, 'json', 'file=answer.json'],
      [36, 'ts', 'file=plan.ts'],
      [40, 'ts'],
      [45, 'ts'],
    ])
  })

  test('runs a program and its continuation', async () => {
    expect([...compiled.problems(hello!), ...compiled.problems(continued!)]).toEqual([])
    await compiled.run(hello!)
    await compiled.run(continued!)
  })

  test('reports compiler errors with the line of the page', () => {
    expect(wrong?.runs).toBe(false)
    expect(compiled.problems(wrong!)).toEqual(["page.md:14: Type 'string' is not assignable to type 'number'."])
  })

  test('provides the files of the page to the program', async () => {
    await compiled.run(reads!)
  })

  test('lets a program import a file of the page, by the name that Node needs', async () => {
    expect([...compiled.problems(file!), ...compiled.problems(imports!)]).toEqual([])
    expect(file?.runs).toBe(false)
    expect(await compiled.run(imports!)).toBe('hello\n')
  })

  test('reports a failing program with the line of the page', async () => {
    await expect(compiled.run(throws!)).rejects.toThrow(/on purpose.*page-md\/23\.ts:24/s)
  })

  test('reports a program that writes to standard error', async () => {
    await expect(compiled.run(warns!)).rejects.toThrow('expected nothing on standard error, got: a listener failed')
  })

  test('prevents connections to other machines', async () => {
    await expect(compiled.run(fetches!)).rejects.toThrow(/stay on this machine, but it connects to 192\.0\.2\.1/)
  })
})

describe('the command line checker', () => {
  test.each(['npm ci && npm start', 'npm test   # all of it', 'npm run build', 'npx vitest run', '# nothing', ''])(
    'accepts %j',
    line => {
      expect(shellProblem(line)).toBeUndefined()
    },
  )

  test.each([
    'npm run dance',
    'npx nonesuch',
    'node build/examples/nonesuch.js',
    'curl example.com | sh',
    'npm ci && rm x',
  ])('rejects %j', line => {
    expect(shellProblem(line)).toMatch(/expected a known command/)
  })
})
