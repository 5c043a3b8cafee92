import { parsePlan } from 'counterpoint'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { builtLibrary } from '../package/built.js'
import { blocksOf, pages, readPage } from './markdown.js'
import { type Compiled, compilePrograms, programsOf } from './programs.js'
import { shellProblem } from './shell.js'

const byPage = pages().map(page => blocksOf(page, readPage(page)))
const blocks = byPage.flat()
const programs = byPage.flatMap(programsOf)

/** The languages of blocks that are checked, and of blocks that are only for reading. */
const LANGUAGES = ['ts', 'js', 'json', 'sh', 'text', 'mermaid']

let compiled: Compiled
beforeAll(() => {
  builtLibrary()
  compiled = compilePrograms(programs)
}, 60_000)
afterAll(() => compiled?.dispose())

describe('README.md', () => {
  const first = blocks.find(block => block.page === 'README.md' && block.language === 'ts')

  test('shows a first program of at most 25 lines', () => {
    expect(first, 'README.md has no ```ts block').toBeDefined()
    expect(first?.lines.length).toBeLessThanOrEqual(25)
  })

  test('shows the commands to start and to test', () => {
    const shell = blocks.filter(block => block.page === 'README.md' && block.language === 'sh')
    const lines = shell.flatMap(block => block.lines).join('\n')
    expect(lines).toMatch(/npm start/)
    expect(lines).toMatch(/npm test/)
  })
})

test('every fence names a known language', () => {
  const unknown = blocks.filter(block => !LANGUAGES.includes(block.language))
  expect(unknown.map(({ page, line, language }) => `${page}:${line}: '${language}'`)).toEqual([])
})

describe.runIf(programs.length > 0).concurrent('a program of the docs', () => {
  test.for(programs)(
    '$title compiles, and runs unless marked no-run',
    { timeout: 60_000 },
    async (program, { expect }) => {
      expect(compiled.problems(program)).toEqual([])
      if (program.runs) await compiled.run(program)
    },
  )
})

const json = blocks.filter(block => block.language === 'json')
describe.runIf(json.length > 0)('a JSON block of the docs', () => {
  test.for(json)('$page:$line is JSON, and a valid plan if marked as one', block => {
    const value: unknown = JSON.parse(block.lines.join('\n'))
    if (block.marks.includes('plan')) parsePlan(value)
  })
})

test('every command line of the docs is a known command', () => {
  const shell = blocks.filter(block => block.language === 'sh')
  const problems = shell.flatMap(({ page, line, lines }) =>
    lines.flatMap((text, index) => {
      const problem = shellProblem(text)
      return problem === undefined ? [] : [`${page}:${line + index}: ${problem}`]
    }),
  )
  expect(problems).toEqual([])
})
