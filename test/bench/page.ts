import { readFileSync, writeFileSync } from 'node:fs'
import { markdown, type Table } from './table.js'

const PAGE = 'docs/performance.md'
const BEGIN = '<!-- the tables of npm run bench begin here -->'
const END = '<!-- and end here -->'

/** Writes the tables into the page. Must run in the folder of package.json, as `npm run` does. */
export function writePage(tables: readonly Table[]): void {
  const text = readFileSync(PAGE, 'utf8')
  const [before, old] = text.split(BEGIN)
  const after = old?.split(END)[1]
  if (before === undefined || after === undefined) throw new Error(`${PAGE}: expected "${BEGIN}" and "${END}"`)
  writeFileSync(PAGE, `${before}${BEGIN}\n\n${tables.map(markdown).join('\n\n')}\n\n${END}${after}`)
}
