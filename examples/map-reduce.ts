// Map-reduce: one task per page counts its words, one adds the counts up. The types of the outputs follow from the functions.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Orchestrator } from 'counterpoint'

const folder = process.argv[2] ?? 'docs'
const pages = (await readdir(folder)).filter(name => name.endsWith('.md'))

// A pool without a backend limits functions: at most four pages are read at a time.
const orchestrator = new Orchestrator({ pools: { readers: { concurrency: 4 } } })
const graph = orchestrator.graph('words')

const counts = pages.map(page =>
  graph.task(page, {
    pool: 'readers',
    run: async () => countWords(await readFile(join(folder, page), 'utf8')),
  }),
)
const total = graph.task('total', {
  after: counts,
  run: ({ outputs }) => addUp(Object.values(outputs)),
})
const longest = graph.task('longest', {
  after: [total],
  run: ({ outputs }) => Object.keys(outputs.total).reduce((a, b) => (b.length > a.length ? b : a)),
})

/** How often each word occurs. */
type Counts = Readonly<Record<string, number>>

function countWords(text: string): Counts {
  const words = new Map<string, number>()
  for (const [word] of text.toLowerCase().matchAll(/[a-z]{6,}/g)) words.set(word, (words.get(word) ?? 0) + 1)
  return Object.fromEntries(words)
}

function addUp(parts: readonly Counts[]): Counts {
  const sum = new Map<string, number>()
  for (const part of parts)
    for (const [word, count] of Object.entries(part)) sum.set(word, (sum.get(word) ?? 0) + count)
  return Object.fromEntries(sum)
}

const result = await orchestrator.run(graph).completed
const words = Object.entries(total.outputIn(result) ?? {}).sort(([, a], [, b]) => b - a)
for (const [word, count] of words.slice(0, 8))
  console.log(`${word.padEnd(12)} ${String(count).padStart(4)}  ${'█'.repeat((count / words[0]![1]) * 40)}`)
console.log(`${words.length} different words on ${pages.length} pages; the longest is ${longest.outputIn(result)}`)
