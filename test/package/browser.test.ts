import { describe, expect, test } from 'vitest'
import { bundle } from './bundle.js'
import { findChromium, runInChromium } from './chromium.js'

const HOW_TO_GET_ONE = 'no browser found: `apt-get install chromium` brings one, or let $CHROMIUM name one'

/** .ci/run skips nothing: a missing browser is a failure there. */
const mustRun = process.env.COUNTERPOINT_CI === '1'
const chromium = findChromium()
const isSkipped = chromium === undefined && !mustRun
if (isSkipped) console.warn(`The browser tests are skipped: ${HOW_TO_GET_ONE}.`)

function browser(): string {
  if (chromium === undefined) throw new Error(HOW_TO_GET_ONE)
  return chromium
}

const PROGRAM = `
import { Orchestrator } from 'counterpoint'

const calls = []
const backend = async request => {
  calls.push(request.task.id)
  return request.task.id.toUpperCase() + Object.values(request.outputs).join('')
}
const orchestrator = new Orchestrator({ pools: { p: { backend, concurrency: 2 } } })
const run = orchestrator.run({
  tasks: [
    { id: 'a', description: 'first', pool: 'p' },
    { id: 'b', description: 'second', pool: 'p', after: ['a'] },
    { id: 'c', description: 'third', pool: 'p', after: ['a', 'b'] },
  ],
})
const result = await run.result
done(result.outcome + ': ' + calls.join(' '))
`

describe.skipIf(isSkipped)('in a browser', () => {
  test('a run completes', { timeout: 90_000 }, async () => {
    expect(await runInChromium(browser(), await bundle(PROGRAM))).toBe('completed: a b c')
  })

  test('an uncaught error fails the test', { timeout: 90_000 }, async () => {
    const late = "await Promise.resolve(); throw new Error('a < b')"
    expect(await runInChromium(browser(), late)).toBe('uncaught: Uncaught Error: a < b')
  })
})

test('the browser bundle is complete, and contains nothing of Node', async () => {
  const code = await bundle(PROGRAM)
  expect(code).not.toMatch(/\bimport\s*[{*"'\w]/)
  expect(code).not.toMatch(/["']node:|browser-external|\brequire\(/)
})
