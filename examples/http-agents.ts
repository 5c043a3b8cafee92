// Agents behind HTTP: when the endpoint throttles, the pool is parked for the requested time, and no task is lost.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { httpBackend, Orchestrator, type Usage } from 'counterpoint'

/** The provider: accepts 12 calls per second, and answers the others with 429 and `retry-after`. */
const calls: number[] = []
const statuses: Record<number, number> = { 200: 0, 429: 0 }
const server = createServer(async (request, response) => {
  const { task } = (await json(request)) as { task: { id: string } }
  const now = Date.now()
  while (calls.length > 0 && now - calls[0]! >= 1_000) calls.shift()
  const status = calls.length < 12 ? 200 : 429
  statuses[status]!++
  if (status === 200) calls.push(now)
  const headers = { 'content-type': 'application/json', ...(status === 429 && { 'retry-after': '1' }) }
  const answer = status === 200 ? { text: `${task.id}: done`, tokens: [10, 20] } : { error: { message: 'slow down' } }
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
        usage: (answer): Usage => {
          const [inputTokens, outputTokens] = (answer as { tokens: [number, number] }).tokens
          return { inputTokens, outputTokens }
        },
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
