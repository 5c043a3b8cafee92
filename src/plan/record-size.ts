import type { Json } from '../core/json.js'
import { jsonBytes } from '../core/json-bytes.js'
import type { TaskSpec } from '../core/state/task.js'
import { invalidPlan } from './invalid-plan.js'

/** The most bytes of the record in which tasks are added: all in one, and V8 holds no string past about 512 MB. */
export const MAX_RECORD_BYTES: number = 400_000_000

/** More than the names and numbers of the events of a task have, with the defaults of a pool. */
const MOST_OVERHEAD = 1_000
/** The most bytes of a character: `\u0000`. */
const CHAR_BYTES = 6
/** The most bytes of an id in a list. */
const ID_BYTES = 128 * CHAR_BYTES + 3

/**
 * Checks that the tasks of a plan fit into one record of a journal. The journal that an orchestrator has by default writes no text, so any
 * number of tasks fits.
 * @throws CounterpointError `INVALID_INPUT` when they do not: nothing has been added.
 */
export function checkRecordSize(
  tasks: readonly TaskSpec[],
  { ownsJournal }: { readonly ownsJournal: boolean },
  runId: string,
): void {
  if (ownsJournal) return
  const head = MOST_OVERHEAD + 2 * CHAR_BYTES * runId.length
  if (sumOf(tasks, task => head + mostBytes(task)) <= MAX_RECORD_BYTES) return
  const events = 2 * jsonBytes(runId) + 250
  if (sumOf(tasks, task => events + 2 * jsonBytes(task.id) + jsonBytes(task as unknown as Json)) <= MAX_RECORD_BYTES)
    return
  const message = `expected tasks that fit into one record of a journal, of ${MAX_RECORD_BYTES} bytes of JSON with escapes; got more. Split the plan, add tasks while the run is live, or pass large inputs by reference`
  throw invalidPlan([{ path: '$.tasks', message }])
}

/** Stops when there are too many bytes. */
function sumOf(tasks: readonly TaskSpec[], bytesOf: (task: TaskSpec) => number): number {
  let bytes = 0
  for (const task of tasks) {
    bytes += bytesOf(task)
    if (bytes > MAX_RECORD_BYTES) break
  }
  return bytes
}

/** An upper bound. Looks at no single character: a plan may have a million tasks. */
function mostBytes({ id, description, pool = '', after, softAfter, orderAfter, input, context }: TaskSpec): number {
  const ids = (after?.length ?? 0) + (softAfter?.length ?? 0) + (orderAfter?.length ?? 0)
  const chars = 3 * id.length + description.length + pool.length
  return CHAR_BYTES * chars + ID_BYTES * ids + mostBytesOf(input) + mostBytesOf(context)
}

function mostBytesOf(value: Json | undefined): number {
  if (value === undefined) return 0
  return typeof value === 'string' ? CHAR_BYTES * value.length + 2 : jsonBytes(value)
}
