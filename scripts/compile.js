import ts from 'typescript'

/** @type {ts.CompilerOptions} */
const OPTIONS = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  importHelpers: true,
}

/**
 * The JavaScript of one module. Types are not checked.
 *
 * @param {string} text
 * @param {string} path
 * @throws Error for a syntax error.
 */
export function compile(text, path) {
  const { outputText, diagnostics = [] } = ts.transpileModule(text, {
    fileName: path,
    compilerOptions: OPTIONS,
    reportDiagnostics: true,
  })
  if (diagnostics.length > 0) throw new Error(ts.formatDiagnostics(diagnostics, ts.createCompilerHost(OPTIONS)))
  return outputText
}
