/** Tasks and who waits for whom, as numbers. Each contender makes its own form of it, outside the measured time. */
export interface Graph {
  readonly size: number
  /** What each task waits for. */
  readonly needs: Rows
  /** What waits for each task. */
  readonly dependents: Rows
  /** 1 is the most urgent. Undefined when all tasks are alike. */
  readonly priorities: Uint16Array | undefined
  /** Task `i` goes to pool `i % pools`; the pools share the slots. */
  readonly pools: number
  /** Runs side by side: the first `size / runs` tasks are those of the first. No task waits for one of another run. */
  readonly runs: number
}

/** A list of numbers for each task, end to end: those of task `i` are `items[from[i]]` up to before `items[from[i + 1]]`. */
export interface Rows {
  readonly items: Int32Array
  readonly from: Int32Array
}

/** A graph from its edges, each `[from, to]`: `to` waits for `from`. */
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

/** What stands in row `index`. */
export function rowOf({ items, from }: Rows, index: number): Int32Array {
  return items.subarray(from[index], from[index + 1])
}

/** How many tasks each task waits for. */
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
