/** What came back from the backend. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body, if it is JSON. */
  readonly json: unknown
  /** The first cookie that it set, as a browser sends it back; else an empty string. */
  readonly cookie: string
}

/** A backend on loopback, as an attacker sees it: requests and answers. */
export interface Target {
  get(path: string): Promise<Answer>
  /** Sends the fields as a form, as a page of any site can. */
  post(
    path: string,
    fields: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>
  send(method: string, path: string): Promise<Answer>
}

const ANSWER_MS = 5_000

/** Talks to the backend at `url`. Every request throws after 5 s without an answer. */
export function targetAt(url: string): Target {
  const request = async (path: string, init: RequestInit): Promise<Answer> => {
    const { response, text } = await ask(url + path, init)
    const cookie = response.headers.get('set-cookie')?.split(';')[0] ?? ''
    return { status: response.status, headers: response.headers, text, json: jsonOf(text), cookie }
  }
  return {
    get: path => request(path, {}),
    post: (path, fields, headers = {}) => request(path, { method: 'POST', body: new URLSearchParams(fields), headers }),
    send: (method, path) => request(path, { method }),
  }
}

async function ask(url: string, init: RequestInit): Promise<{ response: Response; text: string }> {
  try {
    const response = await fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.timeout(ANSWER_MS) })
    return { response, text: await response.text() }
  } catch (cause) {
    const method = init.method ?? 'GET'
    throw new Error(`expected an answer to ${method} ${url} within ${ANSWER_MS / 1_000} s, got none: ${cause}`, {
      cause,
    })
  }
}

/** Refused on purpose, not by falling over. */
export function refused(status: number): boolean {
  return status >= 400 && status < 500
}

/** The value of a JSON text; undefined if it is none. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
