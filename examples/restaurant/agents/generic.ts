import type { Assignment, Skill } from './agent.js'
import { type Draft, deliver, folderName } from './files.js'

/** The skill for tasks of other plans: writes a small file into the folder of the task. */
export const generic: Skill = {
  seconds: 30,
  usage: { inputTokens: 4_000, outputTokens: 6_000, costUsd: 0.2 },
  async work(assignment, workshop) {
    const { task } = assignment
    const drafts = [
      task.pool === 'database' ? migration(task.description) : program(task.description),
      notes(assignment),
    ]
    const delivery = await deliver(workshop, `${folderName(task.pool)}/${folderName(task.id)}`, drafts)
    return { kind: 'artifact', description: task.description, ...delivery }
  },
}

function migration(description: string): Draft {
  const text = `${commented('--', description)}\nbegin;\n-- Nothing to migrate yet.\ncommit;\n`
  return { name: 'migration.sql', text, message: 'drafted migration.sql' }
}

function program(description: string): Draft {
  const text = `export const task = ${JSON.stringify(description)}\n\nconsole.log(task)\n`
  return { name: 'main.mjs', text, message: 'drafted main.mjs' }
}

function notes({ task, outputs }: Assignment): Draft {
  const used = Object.keys(outputs).map(id => `- ${id}`)
  const text = [`# ${task.id}`, task.description, 'Built on:', used.join('\n') || '- nothing', ''].join('\n\n')
  return { name: 'notes.md', text, message: 'wrote notes.md' }
}

function commented(mark: string, text: string): string {
  return text
    .split(/\r?\n/)
    .map(line => `${mark} ${line}`)
    .join('\n')
}
