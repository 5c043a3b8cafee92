/** Tasks and dependencies, as numbers. Each contender converts it to its own form, outside the measured time. */
export interface Graph {
  readonly size: number
  /** The dependencies of each task. */
  readonly needs: Rows
  /** The dependents of each task. */
  readonly dependents: Rows
  /** 1 is the most urgent. Undefined if all tasks have the same priority. */
  readonly priorities: Uint16Array | undefined
  /** Task `i` goes to pool `i % pools`; the pools share the slots. */
  readonly pools: number
  /** Number of concurrent runs. The first `size / runs` tasks are those of the first run. No dependency crosses runs. */
  readonly runs: number
}

/** A list of numbers for each task, concatenated: those of task `i` are `items[from[i]]` up to, but not including, `items[from[i + 1]]`. */
export interface Rows {
  readonly items: Int32Array
  readonly from: Int32Array
}

/** A graph from its edges `[from, to]`: `to` depends on `from`. */
export function graphOf(
  size: number,
  edges: readonly (readonly [number, number])[],
  more: Partial<Pick<Graph, 'priorities' | 'pools' | 'runs'>> = {},
): Graph {
  return {
    size,
    needs: rowsOf(size, edges, 1, 0),
    dependents: rowsOf(size, edges, 0, 1),
    priorities: more.priorities,
    pools: more.pools ?? 1,
    runs: more.runs ?? 1,
  }
}

/** The numbers of row `index`. */
export function rowOf({ items, from }: Rows, index: number): Int32Array {
  return items.subarray(from[index], from[index + 1])
}

/** The number of dependencies of each task. */
export function openCounts({ size, needs }: Graph): Int32Array {
  const open = new Int32Array(size)
  for (let index = 0; index < size; index++) open[index] = needs.from[index + 1]! - needs.from[index]!
  return open
}

function rowsOf(size: number, edges: readonly (readonly [number, number])[], key: 0 | 1, item: 0 | 1): Rows {
  const from = new Int32Array(size + 1)
  for (const edge of edges) from[edge[key] + 1]!++
  for (let index = 0; index < size; index++) from[index + 1]! += from[index]!
  const items = new Int32Array(edges.length)
  const next = from.slice()
  for (const edge of edges) items[next[edge[key]]!++] = edge[item]
  return { items, from }
}
