import { availableParallelism, loadavg } from 'node:os'
import { durableTables } from './durable.js'
import { memoryTables } from './memory.js'
import { type Options, readOptions } from './options.js'
import { writePage } from './page.js'
import { planTable } from './plans.js'
import { growthTable, measureSpeed, speedTables } from './speed.js'
import { markdown, plain, type Table } from './table.js'
import { controlTable, variantTable } from './variants.js'

const options = readOptions(process.argv.slice(2), process.env)
const tables = await measure(options)
const render = options.markdown ? markdown : plain
for (const table of tables) console.log(`${render(table)}\n`)
if (options.write) writePage(tables)

async function measure(options: Options): Promise<Table[]> {
  const { parts } = options
  say(`Node ${process.version}, ${availableParallelism()} cores, load ${loadavg()[0]!.toFixed(1)}`)
  const tables: Table[] = []
  if (parts.has('speed')) {
    const speeds = await measureSpeed(options, say)
    tables.push(...speedTables(speeds, options), ...growthTable(speeds, options))
  }
  if (parts.has('memory')) tables.push(...(await memoryTables(options, say)))
  if (parts.has('plans')) tables.push(planTable(options, say))
  if (parts.has('variants')) tables.push(await variantTable(options, say))
  if (parts.has('control')) tables.push(await controlTable(options, say))
  if (parts.has('durable')) tables.push(...(await durableTables(options, say)))
  return tables
}

/** Prints progress to standard error. */
function say(line: string): void {
  console.error(`- ${line}`)
}
