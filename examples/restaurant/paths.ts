import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The package folder. This program runs from `build/`, while the plan and the templates stay in the source folder. */
export const packageRoot: string = dirname(createRequire(import.meta.url).resolve('counterpoint/package.json'))

/** The sample plan. */
export const planFile: string = join(packageRoot, 'examples/restaurant/plan.json')

/** Templates for the agents: pages, server, queries. */
export const templatesFolder: string = join(packageRoot, 'examples/restaurant/templates')

/** The compiled agent program of a pool: `node <program>` reads one assignment from stdin. */
export function agentProgram(pool: 'codegen' | 'database' | 'security'): string {
  return fileURLToPath(new URL(`./agents/${pool}.js`, import.meta.url))
}
