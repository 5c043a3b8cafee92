import { join } from 'node:path'
import ts from 'typescript'
import { beforeAll, expect, test } from 'vitest'
import { builtLibrary } from './built.js'
import { compileProblems } from './compile.js'
import { ROOT } from './source-tree.js'

const SAMPLE = join(ROOT, 'test/package/sample-of-a-host.ts')
const PLATFORM = { libs: ['es2023', 'esnext.disposable', 'dom'] }

beforeAll(() => void builtLibrary(), 60_000)

/** The problems of a program of a host that emits declarations. */
function problemsOf(text: string): string[] {
  return compileProblems([], PLATFORM, { [SAMPLE]: text }, { declaration: true })
}

/** Every exported type that has members, with their names. */
function exportedMembers(): readonly (readonly [type: string, member: string])[] {
  const program = ts.createProgram([join(ROOT, 'dist/index.d.ts')], { skipLibCheck: true, strict: true })
  const checker = program.getTypeChecker()
  const module = checker.getSymbolAtLocation(program.getSourceFile(join(ROOT, 'dist/index.d.ts')) as ts.Node)
  return checker.getExportsOfModule(module as ts.Symbol).flatMap(exported => {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
    const declaration = symbol.declarations?.find(
      node => ts.isInterfaceDeclaration(node) || ts.isClassDeclaration(node),
    )
    if (declaration?.typeParameters?.some(parameter => parameter.default === undefined)) return []
    if (declaration === undefined) return []
    const members = checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol))
    // Generic methods are left out: what the compiler would write for some of them is too long.
    const isGeneric = (member: ts.Symbol): boolean =>
      checker
        .getTypeOfSymbol(member)
        .getCallSignatures()
        .some(signature => signature.typeParameters !== undefined)
    const isPlain = (member: ts.Symbol): boolean => /^\w+$/.test(member.name) && !isGeneric(member)
    return members.filter(isPlain).map(({ name }) => [exported.name, name] as const)
  })
}

test('a host that emits declarations may return every member of every exported type, without naming its type', () => {
  const members = exportedMembers()
  expect(members.length).toBeGreaterThan(300)
  const lines = members.map(([type, member], i) => `export const f${i} = (x: c.${type}) => x.${member}`)
  expect(problemsOf([`import type * as c from 'counterpoint'`, ...lines].join('\n'))).toEqual([])
})

test('so may it return what functions and methods return', () => {
  const text = `
    import * as c from 'counterpoint'
    export const graph = new c.TaskGraph('x')
    export const a = graph.task('a', { run: async () => ({ n: 1 }) })
    export const b = graph.task('b', { after: [a], run: ({ outputs }) => c.reply({ output: outputs.a.n, usage: { tokens: 1 } }) })
    export const orchestrator = new c.Orchestrator({ pools: { p: { backend: () => 1 }, q: async () => 2 } })
    export const run = orchestrator.run({ tasks: [{ id: 'a', pool: 'p' }] })
    export const events = run.events({ progress: true })
    export const stats = orchestrator.pools.get('p')?.stats().backends
    export const mode = c.chooseMode(c.forecast(c.parsePlan('').tasks, { pools: {} }))
    export const redact = c.redactor([['k', 'v']])
    export async function firstDead() {
      for await (const event of run.events()) if (event.type === 'task.dead') return event
      return undefined
    }`
  expect(problemsOf(text)).toEqual([])
})
