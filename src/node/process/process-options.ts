import type { AgentRequest, InputIssue } from 'counterpoint'

/** How an agent is started, asked and understood. */
export interface ProcessOptions {
  /**
   * The program. A bare name is looked up in the absolute folders of the host's PATH, a name with a slash is relative
   * to the folder in which the host called `processBackend`; once each. Never looked up in `workdir`, and never given
   * to a shell.
   */
  readonly command: string
  /**
   * Its arguments, passed byte for byte. Default none. The prompt is better off in `stdin`: an argument is seen by
   * everyone on the machine, is refused from 128 KiB on, and may be taken for a flag when it begins with a dash.
   */
  readonly args?: readonly string[]
  /**
   * What the program reads on standard input, which is then closed. Default: the task's description. See also
   * `jsonRequest`.
   */
  readonly stdin?: (request: AgentRequest) => string | Uint8Array
  /** Where it runs: a folder that exists. Default: the host's working folder. */
  readonly workdir?: string
  /** Names of the host's variables that it may see: these and no others. Default {@link defaultEnv}. */
  readonly env?: readonly string[]
  /**
   * Variables that are set for it. Default none. `COUNTERPOINT_IDEMPOTENCY_KEY`, `COUNTERPOINT_ATTEMPT` and
   * `COUNTERPOINT_RUN_TAG` are always set and not to be changed.
   */
  readonly setEnv?: Readonly<Record<string, string>>
  /**
   * What its standard output is. Default `text`.
   *
   * - `text`: the output of the task is a {@link TextOutput}, `{ text, outputTruncated }`, also when the text is empty.
   * - `json`: one JSON value: that is the output of the task.
   * - `jsonl`: lines of JSON objects. `{"output": ...}` is the answer, the last one counts, a `usage` member may come
   *   with it. `{"progress": 0.4, "message": "..."}` and `{"usage": {"inputTokens", "outputTokens", "costUsd"}}` are
   *   reports; usage is the whole so far. `{"error": {"kind", "message", "retryAfterMs"}}` is a failure, whatever else
   *   is said and however the program ends; an unknown kind is `agent`. All other lines are passed over.
   *
   * With exit code 0 and no whole answer an attempt with `json` or `jsonl` has failed: `incomplete-output`.
   */
  readonly output?: 'text' | 'json' | 'jsonl'
  /**
   * How many bytes of standard output are kept: all in all, or with `jsonl` of one line. Default 10,485,760 (10 MiB),
   * at most 268,435,456. The rest is read and thrown away. With `text` the output then says `outputTruncated`; with
   * `json`, and with `jsonl` when it comes after the last answer, the attempt fails: `incomplete-output`, code
   * `OUTPUT_TRUNCATED`.
   */
  readonly maxOutputBytes?: number
  /** How long the processes of an attempt have between TERM and KILL, in milliseconds. Default 5,000. */
  readonly killGraceMs?: number
  /**
   * How long after the program's end we wait for others to close its standard output, in milliseconds. Default 2,000.
   */
  readonly drainMs?: number
}

/**
 * The host's variables that an agent sees unless `env` says otherwise: enough to find programs, a home and a language.
 */
export const defaultEnv: readonly string[] = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'TERM', 'TMPDIR'],
  ...['SystemRoot', 'SystemDrive', 'PATHEXT', 'TEMP', 'TMP', 'USERPROFILE', 'APPDATA', 'LOCALAPPDATA', 'PROGRAMDATA'],
]

/** Values of the options that were left out. */
export const processDefaults: Required<Pick<ProcessOptions, 'output' | 'maxOutputBytes' | 'killGraceMs' | 'drainMs'>> =
  {
    output: 'text',
    maxOutputBytes: 10_485_760,
    killGraceMs: 5_000,
    drainMs: 2_000,
  }

/** A ready-made `stdin`: the whole request as one line of JSON, `{ runId, task, input, outputs }`. */
export function jsonRequest(request: AgentRequest): string {
  const { runId, task, input, outputs, feedback } = request
  return `${JSON.stringify({ runId, task, input, outputs, ...(feedback && { feedback }) })}\n`
}

const MOST_OUTPUT_BYTES = 2 ** 28

/**
 * What is wrong with options: a type, a number, a name. What only shows with a request or on the machine is found when
 * an attempt starts.
 */
export function optionIssues(options: ProcessOptions): InputIssue[] {
  return [
    ...stringIssues('command', options.command),
    ...(options.command === ''
      ? [issue('command', 'expected the name or path of a program, got an empty string')]
      : []),
    ...listIssues('args', options.args),
    ...listIssues('env', options.env),
    ...(options.workdir === undefined ? [] : stringIssues('workdir', options.workdir)),
    ...Object.entries(options.setEnv ?? {}).flatMap(([name, value]) => stringIssues(`setEnv.${name}`, value)),
    ...functionIssues('stdin', options.stdin),
    ...outputIssues(options.output),
    ...numberIssues('maxOutputBytes', options.maxOutputBytes, 1, MOST_OUTPUT_BYTES),
    ...numberIssues('killGraceMs', options.killGraceMs, 0, Number.MAX_SAFE_INTEGER),
    ...numberIssues('drainMs', options.drainMs, 0, Number.MAX_SAFE_INTEGER),
  ]
}

function issue(path: string, message: string): InputIssue {
  return { path, message }
}

function stringIssues(path: string, value: unknown): InputIssue[] {
  return typeof value === 'string' ? [] : [issue(path, `expected a string, got ${kindOf(value)}`)]
}

function listIssues(path: string, value: unknown): InputIssue[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) return [issue(path, `expected an array of strings, got ${kindOf(value)}`)]
  return value.flatMap((item, i) => stringIssues(`${path}[${i}]`, item))
}

function functionIssues(path: string, value: unknown): InputIssue[] {
  const isFine = value === undefined || typeof value === 'function'
  return isFine ? [] : [issue(path, `expected a function of the request, got ${kindOf(value)}`)]
}

function outputIssues(value: unknown): InputIssue[] {
  if (value === undefined || value === 'text' || value === 'json' || value === 'jsonl') return []
  return [
    issue('output', `expected 'text', 'json' or 'jsonl', got ${typeof value === 'string' ? value : kindOf(value)}`),
  ]
}

function numberIssues(path: string, value: unknown, least: number, most: number): InputIssue[] {
  const isFine = value === undefined || (typeof value === 'number' && value >= least && value <= most)
  const got = typeof value === 'number' ? value : kindOf(value)
  return isFine ? [] : [issue(path, `expected a number from ${least} to ${most}, got ${got}`)]
}

/** A value itself may be a secret. */
function kindOf(value: unknown): string {
  return value === null ? 'null' : `a value of type ${typeof value}`
}
