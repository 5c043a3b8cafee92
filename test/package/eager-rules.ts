import ts from 'typescript'
import type { Module } from './import-rules.js'

/** Builds a few small rules that all others are made of. */
const EXEMPT = 'options-check.ts'

/**
 * Every zod schema in `modules` that is built when the module is imported. Building all of them would take longer than loading the rest of
 * the library, and most programs use few.
 */
export function eagerSchemas(modules: readonly Module[]): string[] {
  return modules.flatMap(module => {
    if (module.path === EXEMPT) return []
    const source = ts.createSourceFile(module.path, module.text, ts.ScriptTarget.Latest, true)
    const problems: string[] = []
    const visit = (node: ts.Node): void => {
      if (ts.isFunctionLike(node) || ts.isTypeNode(node)) return
      if (ts.isCallExpression(node) && buildsSchema(node)) {
        const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1
        problems.push(`src/${module.path}:${line}: builds a zod schema when it is imported: use once(() => ...)`)
      } else ts.forEachChild(node, visit)
    }
    visit(source)
    return problems
  })
}

/** `z.int().min(1)`, `optionsOf({ ... })`. */
function buildsSchema({ expression }: ts.CallExpression): boolean {
  let root: ts.Expression = expression
  while (ts.isPropertyAccessExpression(root) || ts.isCallExpression(root)) root = root.expression
  return ts.isIdentifier(root) && ['z', 'optionsOf', 'method', 'record'].includes(root.text)
}
