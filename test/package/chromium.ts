import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** `--no-sandbox`: root and most containers cannot use the sandbox. The other flags prevent network requests by the browser itself. */
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** The browser of this machine: `$CHROMIUM`, else the usual paths of Debian. */
export function findChromium(): string | undefined {
  const wanted = process.env.CHROMIUM
  return (wanted === undefined ? PROGRAMS : [wanted]).find(path => existsSync(path))
}

/**
 * Runs the module `code` in a new page, and returns the text of the page's body once the module has called `done(text)`
 * or thrown an uncaught error. Throws if neither happens within 60 s.
 */
export async function runInChromium(program: string, code: string): Promise<string> {
  const server = pageServer(code)
  const profile = await mkdtemp(join(tmpdir(), 'counterpoint-chromium-'))
  try {
    await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening))
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const flags = [...ARGUMENTS, `--user-data-dir=${profile}`, '--dump-dom', address]
    const { stdout } = await promisify(execFile)(program, flags, { timeout: 60_000, killSignal: 'SIGKILL' })
    const body = /<body>(.*?)<img/s.exec(stdout)?.[1]
    if (body === undefined) throw new Error(`expected a page with a body, got: ${stdout}`)
    return body.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
  } finally {
    server.closeAllConnections()
    server.close()
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  }
}

/**
 * `--dump-dom` prints the page at its load event, which does not wait for promises.
 * So the page contains an image that is only served when the module is done.
 */
const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>counterpoint</title>
<link rel="icon" href="data:,">
<body><img src="/held" alt="">
<script>
  globalThis.done = text => {
    document.body.prepend(text)
    fetch('/done')
  }
  addEventListener('error', event => done('uncaught: ' + event.message))
  addEventListener('unhandledrejection', event => done('uncaught: ' + event.reason))
</script>
<script type="module" src="/module.js"></script>
</body>`

function pageServer(code: string): Server {
  let release: () => void = () => {}
  return createServer((request, response) => {
    const send = (type: string, body: string): void => {
      response.setHeader('content-type', type).end(body)
    }
    if (request.url === '/') send('text/html', PAGE)
    else if (request.url === '/module.js') send('text/javascript', code)
    else if (request.url === '/held') release = () => send('image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg"/>')
    else if (request.url === '/done') {
      send('text/plain', '')
      release()
    } else response.writeHead(404).end()
  })
}
