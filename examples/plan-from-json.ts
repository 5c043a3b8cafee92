// Plans as data: parsed from JSON in camel or snake case, validated as a whole, run completely or in part.
import { type AgentFunction, isCounterpointError, Orchestrator, parsePlan } from 'counterpoint'

const plan = parsePlan(`{
  "name": "restaurant",
  "tasks": [
    { "id": "task_1", "pool": "codegen", "description": "Build the frontend", "priority": 1, "timeout_sec": 300 },
    { "id": "task_2", "pool": "codegen", "description": "Build the backend", "priority": 1, "timeout_sec": 300, "blocked_by": [] },
    { "id": "task_3", "pool": "database", "description": "Design the schema", "priority": 1, "timeout_sec": 180 },
    { "id": "task_4", "pool": "security", "description": "Audit the backend", "priority": 2, "blocked_by": ["task_2"],
      "context": { "focus": "payment_security" } }
  ]
}`)
console.log('normalised:', plan.tasks[3])

const backend: AgentFunction = ({ task }) => `${task.description}: done`
const orchestrator = new Orchestrator({
  pools: { codegen: { backend, concurrency: 3 }, database: backend, security: backend },
})

const part = await orchestrator.run(plan, { only: ['task_4'] }).result
console.log('only task_4 and its dependencies:', Object.keys(part.outputs))

const whole = await orchestrator.run(plan).result
console.log(`everything: ${whole.outcome}, in task order: ${Object.keys(whole.outputs)}`)

// An invalid plan is rejected with the path of each problem.
const broken = [
  '{ "tasks": [{ "id": "a", "prioritty": 1, "timeoutMs": -5 }] }',
  '{ "tasks": [{ "id": "a", "after": ["b"] }, { "id": "b", "after": ["c"] }, { "id": "c", "after": ["a"] }] }',
  '{ "tasks": [{ "id": "schema" }, { "id": "backend", "after": ["shema"] }] }',
  '{ "tasks": [{ "id": "a" }, { "id": "a" }], }',
]
for (const text of broken) {
  try {
    parsePlan(text)
  } catch (error) {
    if (!isCounterpointError(error)) throw error
    console.log(`${error.code}: ${error.message}`)
  }
}
