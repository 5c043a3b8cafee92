import { type Assignment, type Skill, serve } from './agent.js'
import { generic } from './generic.js'
import { schema } from './schema.js'

/** The agent program of the pool `database`. */
await serve(chooseDatabase)

function chooseDatabase({ task }: Assignment): Skill {
  return /\bschema\b/i.test(task.description) && /\b(restaurant|menu)/i.test(task.description) ? schema : generic
}
