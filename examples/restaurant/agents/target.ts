/** A response of the backend. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body, if it is JSON. */
  readonly json: unknown
  /** The first cookie that it set, in the form in which a browser returns it; else an empty string. */
  readonly cookie: string
}

/** A backend on this machine, as an attacker sees it. */
export interface Target {
  get(path: string): Promise<Answer>
  /** Sends the fields as a form, as a page of any site could. */
  post(
    path: string,
    fields: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>
  send(method: string, path: string): Promise<Answer>
}

const ANSWER_MS = 5_000

/** Sends requests to the backend at `url`. Each throws after 5 s without a response. */
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

/** True if the request was refused deliberately, not by a crash. */
export function refused(status: number): boolean {
  return status >= 400 && status < 500
}

/** The parsed JSON; undefined if it is invalid. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
