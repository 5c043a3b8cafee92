import { checkOptions, optionsOf, rules } from 'counterpoint'
import * as z from 'zod'

/** What the methods of a `MockBackend` take. Each check throws CounterpointError `INVALID_INPUT`. */

const OPTIONS = optionsOf({
  clock: rules.port('schedule', 'now', 'monotonic'),
  name: z.string().min(1),
  awaitsTermination: z.boolean(),
}).partial()
const TASK = optionsOf({ taskId: z.string() })
const ANSWERS = TASK.extend({ answers: z.array(z.unknown()) })
const CALL = optionsOf({
  request: z.looseObject({ task: z.looseObject({ id: z.string() }) }),
  context: z.custom(value => typeof value === 'object' && value !== null, 'expected the context of an attempt'),
})

export function checkMockOptions(options: unknown): void {
  checkOptions(OPTIONS, options, { of: 'MockBackend' })
}

export function checkTaskId(taskId: unknown, of: string): void {
  checkOptions(TASK, { taskId }, { of })
}

export function checkAnswers(taskId: unknown, answers: unknown): void {
  checkOptions(ANSWERS, { taskId, answers }, { of: 'MockBackend.answers' })
}

/** The rule takes microseconds, so it only makes the error. */
export function checkCall(request: unknown, context: unknown): void {
  const { task } = Object(request) as { task?: { id?: unknown } }
  if (typeof task?.id === 'string' && typeof context === 'object' && context !== null) return
  checkOptions(CALL, { request, context }, { of: 'MockBackend.run' })
}
