import ts from 'typescript'
import type { Module } from './import-rules.js'

/** Globals that read a clock, start a timer, write to a console or exist only in Node, and the modules that may use them. */
const GLOBALS: Readonly<Record<string, readonly string[]>> = {
  setTimeout: ['clock.ts', 'testing/virtual-clock.ts'],
  setInterval: ['clock.ts'],
  setImmediate: ['clock.ts'],
  performance: ['clock.ts'],
  console: ['events/emitter.ts'],
  process: ['core/async-context.ts'],
}

/** Restricted members of globals that are otherwise allowed. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  'Date.now': ['clock.ts'],
  // The default of an option; all other code receives it as an argument.
  'Math.random': ['orchestrator.ts'],
}

/** Every use in `modules` of time, randomness or a console from a global instead of a port. */
export function ambientProblems(modules: readonly Module[]): string[] {
  return modules.flatMap(module => {
    const source = ts.createSourceFile(module.path, module.text, ts.ScriptTarget.Latest, true)
    const problems: string[] = []
    const visit = (node: ts.Node): void => {
      const name = ambientName(node)
      if (name !== undefined && !mayUse(module.path, name)) {
        const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1
        problems.push(`src/${module.path}:${line}: uses ${name}: take it from a port (Clock, Ids, an argument) instead`)
      }
      // `ReturnType<typeof setTimeout>` is only a type.
      if (!ts.isTypeNode(node)) ts.forEachChild(node, visit)
    }
    visit(source)
    return problems
  })
}

function mayUse(path: string, name: string): boolean {
  return (GLOBALS[name] ?? MEMBERS[name] ?? ['clock.ts']).includes(path)
}

function ambientName(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node)) return memberName(node)
  if (ts.isNewExpression(node) || ts.isCallExpression(node)) {
    const isNow = ts.isIdentifier(node.expression) && node.expression.text === 'Date' && !node.arguments?.length
    return isNow ? 'Date()' : undefined
  }
  if (!ts.isIdentifier(node) || !Object.hasOwn(GLOBALS, node.text)) return undefined
  return isReference(node) ? node.text : undefined
}

function memberName(node: ts.PropertyAccessExpression): string | undefined {
  if (!ts.isIdentifier(node.expression)) return undefined
  if (node.expression.text === 'globalThis') return Object.hasOwn(GLOBALS, node.name.text) ? node.name.text : undefined
  const member = `${node.expression.text}.${node.name.text}`
  return Object.hasOwn(MEMBERS, member) ? member : undefined
}

/** False for the name of a member (`pool.process`, `{ process: 1 }`, `process(): void`), which is not a global. */
function isReference(node: ts.Identifier): boolean {
  const parent = node.parent
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node
  if (ts.isBindingElement(parent)) return parent.propertyName !== node
  const isMember = ts.isPropertyAssignment(parent) || ts.isClassElement(parent) || ts.isTypeElement(parent)
  return !(isMember && parent.name === node)
}
