// A backend for a chat endpoint: text is streamed as it arrives, usage is counted, and a 429 makes the whole pool wait.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { AgentError, type AgentFunction, Orchestrator, reply } from 'counterpoint'

/** Stands for the provider: it throttles the second call, and streams its answers as server-sent events. */
let calls = 0
const server = createServer((_, response) => {
  if (++calls === 2) return response.writeHead(429, { 'retry-after-ms': 200 }).end('slow down')
  const send = (data: object): boolean => response.write(`data: ${JSON.stringify(data)}\n\n`)
  for (const content of ['Salt ', 'on ', 'the ', 'wind.']) send({ choices: [{ delta: { content } }] })
  send({ choices: [{ delta: {}, finish_reason: 'stop' }], usage: { prompt_tokens: 12, completion_tokens: 4 } })
  return response.end('data: [DONE]\n\n')
})
await once(server.listen(0, '127.0.0.1'), 'listening')
const { port } = server.address() as AddressInfo

const chat: AgentFunction = async ({ task, input }, { idempotencyKey, signal, stream }) => {
  const messages = [{ role: 'user', content: `${task.description} ${input}` }]
  const response = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': idempotencyKey },
    body: JSON.stringify({ model: 'tiny', messages, stream: true, stream_options: { include_usage: true } }),
    signal,
  })
  // Whether it is tried again, and when, follows from the status and the headers of the response.
  if (!response.ok) throw new Error(await response.text(), { cause: response })
  let text = ''
  let finish = 'none'
  let usage = {}
  for await (const line of createInterface(Readable.fromWeb(response.body as ReadableStream))) {
    if (!line.startsWith('data: {')) continue
    const { choices, usage: total } = JSON.parse(line.slice('data: '.length))
    const { delta, finish_reason } = choices[0] ?? {}
    if (delta?.content) await stream(delta.content)
    text += delta?.content ?? ''
    finish = finish_reason ?? finish
    usage = total ?? usage
  }
  if (finish !== 'stop') throw new AgentError('incomplete-output', `expected the end of the text, got ${finish}`)
  return reply({ output: text, usage })
}

const orchestrator = new Orchestrator({ pools: { model: { backend: chat, concurrency: 2 } } })
orchestrator.on('pool.parked', ({ pool, message }) => console.log(`-- ${pool} waits: ${message}`))
const tasks = ['sea', 'harbour', 'lighthouse'].map(id => ({ id, description: 'One line about the', input: id }))
const run = orchestrator.run({ tasks })
run.on('attempt.streamed', ({ taskId, chunk }) => console.log(`${taskId}: ${chunk}`))

const { outputs, usage } = await run.completed
console.log(Object.values(outputs).join(' '))
console.log(`${usage.inputTokens} tokens in, ${usage.outputTokens} out, ${calls} calls`)
server.close()
