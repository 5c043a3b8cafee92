// A progress board: the state of every task, redrawn at each event and each report.
import { setTimeout as sleep } from 'node:timers/promises'
import { Orchestrator, type TaskRef } from 'counterpoint'

const orchestrator = new Orchestrator()
const graph = orchestrator.graph('website')

/** Adds a task that writes files, and reports each of them. */
function build(id: string, files: number, after: readonly TaskRef[] = []): TaskRef {
  return graph.task(id, {
    after,
    run: async (_, { report }) => {
      for (let file = 1; file <= files; file++) {
        report({ progress: file / files, message: `file ${file} of ${files}` })
        await sleep(60)
      }
      return files
    },
  })
}

const schema = build('schema', 4)
const api = build('api', 8, [schema])
const pages = build('pages', 14)
build('audit', 5, [api, pages])

const run = orchestrator.run(graph)

function board(): string {
  const { running, ended, total } = run.progress()
  const rows = graph.tasks.map(({ id }) => {
    const status = run.task(id)?.status ?? 'blocked'
    const { progress = 0, message = '' } = running.find(task => task.id === id) ?? {}
    const share = status === 'succeeded' ? 1 : progress
    return `  ${id.padEnd(7)} ${'█'.repeat(share * 20).padEnd(20, '░')} ${status}  ${message}`.trimEnd()
  })
  return [`${ended} of ${total} tasks`, ...rows].join('\n')
}

let drawn = ''
for await (const { type } of run.events({ progress: true })) {
  // In a terminal the board is redrawn in place; in a file, once for each task that has ended.
  if (process.stdout.isTTY) {
    if (drawn !== '') process.stdout.write(`\x1b[${drawn.split('\n').length}A\x1b[J`)
  } else if (type !== 'task.succeeded') continue
  drawn = board()
  console.log(drawn)
}
const { outcome, times } = await run.result
console.log(`${outcome} in ${(times.wallMs / 1000).toFixed(1)} s instead of ${(times.serialMs / 1000).toFixed(1)} s`)
