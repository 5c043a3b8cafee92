import { type Assignment, type Skill, serve } from './agent.js'
import { backend } from './backend.js'
import { frontend } from './frontend.js'
import { generic } from './generic.js'

/** The agent program of the pool `codegen`. The description of the task selects the skill. */
await serve(chooseCodegen)

function chooseCodegen({ task }: Assignment): Skill {
  const mentions = (word: RegExp): boolean => word.test(task.description)
  if (mentions(/\bfrontend\b/i) && mentions(/\b(menu|booking)/i)) return frontend
  if (mentions(/\bbackend\b/i) && mentions(/\b(booking|payment)/i)) return backend
  return generic
}
