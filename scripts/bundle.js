import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { isAbsolute, join, relative } from 'node:path'
import { build } from 'rolldown'
import { dts } from 'rolldown-plugin-dts'
import { compile } from './compile.js'
import { ROOT } from './up-to-date.js'

const SRC = join(ROOT, 'src')

/** `src/index.ts`, and `src/NAME/index.ts` of each folder that has one. */
const entries = ['.', ...readdirSync(SRC)].map(folder => join(SRC, folder, 'index.ts')).filter(path => existsSync(path))

/** For modules with `using`, whose helpers must come from tslib: Rolldown would import them from a package that is no dependency. */
const using = {
  name: 'using',
  transform: {
    filter: { id: /(?<!\.d)\.ts$/, code: /\busing\s/ },
    order: /** @type {const} */ ('pre'),
    /** @param {string} code @param {string} id */
    handler: (code, id) => ({ code: compile(code, id), moduleType: /** @type {const} */ ('js') }),
  },
}

/**
 * The files of the library: for each entry one of JavaScript and one of types. Types are not checked, but each exported one must stand
 * in the source (`isolatedDeclarations`).
 *
 * @returns {Promise<Map<string, string>>} Path in the package, and text.
 */
export async function bundleLibrary() {
  const { output } = await build({
    write: false,
    input: entries,
    platform: 'neutral',
    tsconfig: false,
    // Packages, modules of Node, and 'counterpoint' itself: so all entries share one copy of the library.
    external: id => !id.startsWith('.') && !isAbsolute(id),
    transform: { target: 'es2022' },
    plugins: [dts({ oxc: { stripInternal: true }, tsconfig: false }), using],
    output: { entryFileNames: chunk => builtPath(chunk.facadeModuleId ?? ''), comments: { jsdoc: false } },
    // On a busy machine it would warn that the build was slow.
    checks: { bundlerTimings: false },
    onLog: (level, log) => {
      if (level === 'warn') throw new Error(`while bundling: ${log.message}`)
    },
  })
  const files = output.map(
    file => /** @type {const} */ ([`dist/${file.fileName}`, file.type === 'chunk' ? file.code : '']),
  )
  return new Map([...files, ['dist/plan/plan.schema.json', readFileSync(join(SRC, 'plan/plan.schema.json'), 'utf8')]])
}

/** @param {string} source `src/node/index.ts`, or its types: `src/node/index.d.ts`. */
function builtPath(source) {
  return relative(SRC, source)
    .replaceAll('\\', '/')
    .replace(/(?<!\.d)\.ts$/, '.js')
}
