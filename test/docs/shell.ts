import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../package/source-tree.js'

const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> }

/** The commands that a page may show, each with a condition on its captured name. */
const COMMANDS: readonly (readonly [pattern: RegExp, holds: (name: string) => boolean])[] = [
  [/^npm (?:ci|test|start)(?: -- .+)?$/, () => true],
  [/^npm (?:install|i) (?:-D )?[\w@/. -]+$/, () => true],
  [/^npm init -y$/, () => true],
  [/^npm pkg set type=module$/, () => true],
  [/^npm run ([\w:-]+)(?: -- .+)?$/, name => Object.hasOwn(scripts, name)],
  [/^npx ([\w-]+)(?: .+)?$/, name => existsSync(join(ROOT, 'node_modules/.bin', name))],
  [/^node build\/examples\/([\w/-]+)\.js(?: .+)?$/, name => existsSync(join(ROOT, `examples/${name}.ts`))],
  [/^(\.ci\/run)(?: .+)?$/, name => existsSync(join(ROOT, name))],
  [/^cd [\w./-]+$/, () => true],
  [/^git clone \S+$/, () => true],
  [/^apt-get install [\w -]+$/, () => true],
]

/** Why a line of a `sh` block is not a known command; undefined if it is. */
export function shellProblem(line: string): string | undefined {
  const commands = line.replace(/(^|\s)#.*$/, '').split('&&')
  for (const each of commands) {
    const command = each.trim().replace(/^(?:[A-Z_]+=\S+ )+/, '')
    if (command === '') continue
    const isKnown = COMMANDS.some(([pattern, holds]) => {
      const match = pattern.exec(command)
      return match !== null && holds(match[1] ?? '')
    })
    if (!isKnown)
      return `expected a known command (see test/docs/shell.ts) whose script or file exists, got: ${command}`
  }
  return undefined
}
