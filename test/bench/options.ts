/** What to measure, from the environment and the command line. */
export interface Options {
  /** Numbers of tasks, ascending. `BENCH_SIZES`, default 1000,10000,100000,1000000. */
  readonly sizes: readonly number[]
  /** Measured rounds per size. `BENCH_ROUNDS`, default 7. */
  readonly rounds: number
  /** Parts to run. `BENCH_PARTS`, default all. */
  readonly parts: ReadonlySet<Part>
  /** Workloads to run, by name. `BENCH_WORKLOADS`, default all. */
  readonly workloads: ReadonlySet<string> | undefined
  /** Contenders in addition to the floor, by name. `BENCH_CONTENDERS`, default all. */
  readonly contenders: ReadonlySet<string> | undefined
  /** `wall` or `cpu`; the durable part always uses `wall`. `BENCH_CLOCK`, default `wall`. */
  readonly clock: 'wall' | 'cpu'
  /** Folder for the temporary journals of the durable part. `BENCH_FOLDER`, default `build`. */
  readonly folder: string
  /** Tables as Markdown: `--markdown`. */
  readonly markdown: boolean
  /** Also writes the tables into docs/performance.md: `--write`. */
  readonly write: boolean
}

/** A part of the benchmark. */
export type Part = (typeof PARTS)[number]

const PARTS = ['speed', 'memory', 'plans', 'variants', 'control', 'durable'] as const
const FLAGS = ['--markdown', '--write']

/** @throws Error for an invalid argument or value. */
export function readOptions(args: readonly string[], env: NodeJS.ProcessEnv): Options {
  for (const arg of args) if (!FLAGS.includes(arg)) throw new Error(`expected ${FLAGS.join(' or ')}, got "${arg}"`)
  const sizes = listOf(env.BENCH_SIZES ?? '1000,10000,100000,1000000').map(size => count('BENCH_SIZES', size, 10))
  return {
    sizes: sizes.sort((one, other) => one - other),
    rounds: count('BENCH_ROUNDS', env.BENCH_ROUNDS ?? '7', 1),
    parts: new Set(listOf(env.BENCH_PARTS ?? PARTS.join(',')).map(partOf)),
    workloads: env.BENCH_WORKLOADS === undefined ? undefined : new Set(listOf(env.BENCH_WORKLOADS)),
    contenders: env.BENCH_CONTENDERS === undefined ? undefined : new Set(listOf(env.BENCH_CONTENDERS)),
    clock: clockOf(env.BENCH_CLOCK ?? 'wall'),
    folder: env.BENCH_FOLDER ?? 'build',
    markdown: args.includes('--markdown'),
    write: args.includes('--write'),
  }
}

function listOf(text: string): string[] {
  return text.split(',').map(part => part.trim())
}

/** Two runs share a workload, so the number of tasks must be even. */
function count(name: string, text: string, least: number): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < least || (name === 'BENCH_SIZES' && value % 2 === 1))
    throw new Error(`${name}: expected whole numbers from ${least} on (sizes even ones), got "${text}"`)
  return value
}

function partOf(text: string): Part {
  const part = PARTS.find(each => each === text)
  if (part === undefined) throw new Error(`BENCH_PARTS: expected some of ${PARTS.join(',')}, got "${text}"`)
  return part
}

function clockOf(text: string): Options['clock'] {
  if (text === 'wall' || text === 'cpu') return text
  throw new Error(`BENCH_CLOCK: expected wall or cpu, got "${text}"`)
}
