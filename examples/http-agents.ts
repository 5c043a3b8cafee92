// Agents behind HTTP: when the endpoint throttles, the pool is parked for the requested time, and no task is lost.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { httpBackend, Orchestrator, type ReportedUsage } from 'counterpoint'

/** The provider: answers 12 calls, then refuses all others for a second, with 429 and `retry-after`. */
const statuses = { 200: 0, 429: 0 }
let refusesUntil = 0
const server = createServer(async (request, response) => {
  const { task } = (await json(request)) as { task: { id: string } }
  if (statuses[200] === 12 && refusesUntil === 0) refusesUntil = Date.now() + 1_000
  const status = Date.now() < refusesUntil ? 429 : 200
  statuses[status]++
  const headers = { 'content-type': 'application/json', ...(status === 429 && { 'retry-after': '1' }) }
  const usage = { input_tokens: 10, output_tokens: 20 }
  const answer = status === 200 ? { text: `${task.id}: done`, usage } : { error: { message: 'slow down' } }
  setTimeout(() => response.writeHead(status, headers).end(JSON.stringify(answer)), 20)
})
await once(server.listen(0, '127.0.0.1'), 'listening')
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/agents`

const orchestrator = new Orchestrator({
  pools: {
    remote: {
      backend: httpBackend({
        url,
        headers: { authorization: 'Bearer a-token-that-no-message-shows' },
        parse: answer => (answer as { text: string }).text,
        // Tokens are read by the names of the providers, too.
        usage: answer => (answer as { usage: ReportedUsage }).usage,
      }),
      // Adapts to what the endpoint accepts.
      concurrency: { min: 1, max: 8 },
    },
  },
})
const began = performance.now()
const log = (what: string): void => console.log(`${((performance.now() - began) / 1000).toFixed(1)} s: ${what}`)
orchestrator.on('pool.parked', ({ reason, message }) => log(`parked, ${reason}: ${message?.split(': ').at(-1)}`))
orchestrator.on('pool.opened', () => log('open again, starting with one call'))
orchestrator.on('pool.limit-changed', ({ before, limit, reason }) => log(`${before} -> ${limit} at once: ${reason}`))

const tasks = Array.from({ length: 20 }, (_, i) => ({ id: `page-${i + 1}` }))
const { outcome, outputs, usage } = await orchestrator.run({ tasks }).result
console.log(`${outcome}: ${Object.keys(outputs).length} pages, ${usage.outputTokens} tokens out; ${outputs['page-20']}`)
console.log(`the endpoint answered 200 ${statuses[200]} times and 429 ${statuses[429]} times`)
server.close()
server.closeAllConnections()
