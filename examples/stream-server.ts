// A server that streams runs: text as it is written, and after a lost connection every event since the last one received.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestOptions, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Orchestrator, type Run } from 'counterpoint'

const orchestrator = new Orchestrator()
const graph = orchestrator.graph('letter')
const greeting = graph.task('greeting', { run: (_, { locals }) => `Dear ${locals.customer},` })
graph.task('letter', {
  after: [greeting],
  run: async ({ outputs }, { stream }) => {
    const words = [outputs.greeting, 'your', 'order', 'is', 'ready.']
    for (const word of words) await Promise.all([stream(word), sleep(20)])
    return words.join(' ')
  },
})

/** A run as server-sent events. */
async function* messages(run: Run, from: number, signal: AbortSignal): AsyncGenerator<string> {
  for await (const event of run.events({ from, streamed: true, signal })) {
    const id = 'seq' in event ? `id: ${event.seq}\n` : ''
    yield `${id}data: ${JSON.stringify(event)}\n\n`
  }
}

// POST /CUSTOMER starts a run. GET /RUN continues after the event `last-event-id`, as the EventSource of a browser does.
const server = createServer(({ method, url = '', headers }, response) => {
  const name = url.slice(1)
  const run = method === 'POST' ? orchestrator.run(graph, { locals: { customer: name } }) : orchestrator.runs.get(name)
  if (run === undefined) return response.writeHead(404).end()
  const connection = new AbortController()
  response.on('close', () => connection.abort()).writeHead(200, { 'content-type': 'text/event-stream' })
  const from = Number(headers['last-event-id'] ?? 0) + 1
  return pipeline(messages(run, from, connection.signal), response).catch(() => console.log('-- the client has gone'))
})
await once(server.listen(0, '127.0.0.1'), 'listening')
const { port } = server.address() as AddressInfo

/** A client: prints the events, and breaks off at a certain chunk. Returns the last event that has an id. */
async function read(options: RequestOptions, breakAt?: string): Promise<{ runId: string; seq: number }> {
  const [response] = (await once(request({ port, ...options }).end(), 'response')) as [IncomingMessage]
  let last = { runId: '', seq: 0 }
  for await (const line of createInterface(response)) {
    if (!line.startsWith('data: ')) continue
    const event = JSON.parse(line.slice('data: '.length))
    console.log(event.seq ?? '', event.type, event.taskId ?? '', event.chunk ?? event.output ?? '')
    if (event.seq) last = event
    if (breakAt && event.chunk === breakAt) break
  }
  response.destroy()
  return last
}
const { runId, seq } = await read({ path: '/Ada', method: 'POST' }, 'order')
await read({ path: `/${runId}`, headers: { 'last-event-id': seq } })
server.close()
