import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the package. Asked of Node: this runs from `build/`, the plan and the templates stay in the source. */
export const packageRoot: string = dirname(createRequire(import.meta.url).resolve('counterpoint/package.json'))

/** The plan of the story, as the JSON stands in its source. */
export const planFile: string = join(packageRoot, 'examples/restaurant/plan.json')

/** What the agents start from: pages, server, queries. */
export const templatesFolder: string = join(packageRoot, 'examples/restaurant/templates')

/** The compiled program of the agents of a pool: `node <program>` takes one assignment on stdin. */
export function agentProgram(pool: 'codegen' | 'database' | 'security'): string {
  return fileURLToPath(new URL(`./agents/${pool}.js`, import.meta.url))
}
