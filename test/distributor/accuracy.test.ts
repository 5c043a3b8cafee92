import { readFileSync } from 'node:fs'
import { TaskDistributor } from 'counterpoint'
import { agentIntents } from 'counterpoint/intents'
import { expect, test } from 'vitest'

// The rules were tuned on the sentences at even indexes only. Those at odd indexes are held out: keep it that way.
const sentences: Record<string, string[]> = JSON.parse(
  readFileSync(new URL('./sentences.json', import.meta.url), 'utf8'),
)
const distributor = new TaskDistributor({ intents: agentIntents })

function isRight(pool: string, description: string): boolean {
  const answer = distributor.distribute({ id: 'task', description })
  return 'kind' in answer && answer.kind === 'pool' && answer.pool === pool
}

function accuracy(remainder: 0 | 1): number {
  const half = Object.entries(sentences).flatMap(([pool, list]) =>
    list.filter((_, i) => i % 2 === remainder).map(text => isRight(pool, text)),
  )
  const share = half.filter(Boolean).length / half.length
  const name = remainder === 0 ? 'tuned on' : 'held out'
  console.info(`accuracy on the half ${name}: ${(100 * share).toFixed(1)} % of ${half.length}`)
  return share
}

test('finds the pool of at least 90 % of the sentences that the rules were tuned on', () => {
  expect(accuracy(0)).toBeGreaterThanOrEqual(0.9)
})

test('finds the pool of at least 85 % of the sentences that were held out', () => {
  expect(accuracy(1)).toBeGreaterThanOrEqual(0.85)
})

test('has none of the sentences among its examples', () => {
  const known = new Set(Object.values(sentences).flat())
  const examples = Object.values(agentIntents).flatMap(({ examples = [] }) => examples)
  expect(examples.filter(example => known.has(example)).length).toBe(0)
})
