import { type AgentRequest, checkOptions, optionsOf, rules } from 'counterpoint'
import * as z from 'zod'

/** How an agent is started, what it reads, and how its output is read. */
export interface ProcessOptions {
  /**
   * The program. A bare name is looked up in the absolute folders of the host's PATH; a name with a slash is relative to the folder in
   * which the host called `processBackend`. Looked up once for each name, never in `workdir`, and never run by a shell.
   */
  readonly command: string
  /**
   * Its arguments, passed unchanged. Default none. Pass the prompt in `stdin` instead: an argument is visible to every user of the
   * machine, must be shorter than 128 KiB, and may be taken for a flag if it begins with a dash.
   */
  readonly args?: readonly string[] | undefined
  /**
   * What the program reads from standard input, which is then closed. Default: the task's description. See also
   * {@link jsonRequest}.
   */
  readonly stdin?: ((request: AgentRequest) => string | Uint8Array) | undefined
  /** Its working folder, which must exist. Default: the host's working folder. */
  readonly workdir?: string | undefined
  /** The names of the host's environment variables that it gets; no others are passed. Default {@link defaultEnv}. */
  readonly env?: readonly string[] | undefined
  /**
   * Further environment variables. Default none. `COUNTERPOINT_IDEMPOTENCY_KEY`, `COUNTERPOINT_ATTEMPT` and `COUNTERPOINT_RUN_TAG` are
   * always set, and cannot be overridden.
   */
  readonly setEnv?: Readonly<Record<string, string>> | undefined
  /**
   * The format of its standard output. Default `text`.
   *
   * - `text`: the output of the task is a {@link TextOutput}, `{ text, outputTruncated }`, even if the text is empty.
   * - `json`: one JSON value, the output of the task.
   * - `jsonl`: lines of JSON objects. `{"output": ...}` is the answer; the last one counts, and may have a `usage` member.
   *   `{"progress": 0.4, "message": "..."}` and `{"usage": {"inputTokens", "outputTokens", "costUsd"}}` are reports; usage is the total so
   *   far. `{"error": {"kind", "message", "retryAfterMs"}}` or `{"error": "..."}` is a failure, whatever else is written and whatever the
   *   exit code; an unknown kind becomes `agent`. It counts if it has a message or a known kind, and if its line has no members but
   *   `error`, `usage` and `output`. All other lines are ignored.
   *
   * An attempt with `json` or `jsonl` that exits with code 0 fails when its answer is missing or cut (`incomplete-output`), or is anything
   * but JSON (`invalid-output`, which is repaired).
   */
  readonly output?: 'text' | 'json' | 'jsonl' | undefined
  /**
   * With `json`, also accepts an answer with more than JSON in it: exactly one fenced block of Markdown whose content is JSON, or, without
   * any fenced block, exactly one JSON object or array in prose. Default false: such an answer is `invalid-output`, which is repaired.
   */
  readonly extractJson?: boolean | undefined
  /**
   * What is done with a number of the answer (`json` and `jsonl`) that would be rounded: an integer beyond 2^53 - 1, or a number beyond 1.8e308. `refuse`: the
   * attempt fails with `invalid-output`. `text`: the number becomes a string, as it is written. Default `refuse`.
   */
  readonly bigIntegers?: 'refuse' | 'text' | undefined
  /**
   * The most bytes of standard output that are kept: in total, or with `jsonl` for each line. Default 10,485,760 (10 MiB), at most
   * 268,435,456. The rest is read and dropped. Then with `text` the output has `outputTruncated: true`; with `json`, and with `jsonl` if
   * it happens after the last answer, the attempt fails: `incomplete-output`, code `OUTPUT_TRUNCATED`.
   */
  readonly maxOutputBytes?: number | undefined
  /** The time between TERM and KILL, in milliseconds. Default 5,000. */
  readonly killGraceMs?: number | undefined
  /**
   * How long to wait, after the program has ended, until other processes close its standard output or write more to it, in milliseconds.
   * Default 2,000. What a process that was left behind writes belongs to the output; it is ended afterwards.
   */
  readonly drainMs?: number | undefined
  /** How long that may take altogether while output flows, in milliseconds. Default 60,000. Then the output was cut, as after `drainMs`. */
  readonly maxDrainMs?: number | undefined
  /**
   * How long an agent that has answered may run on without writing more, in milliseconds. Then its answer is used and its processes are
   * ended, whatever their exit code. Default 30,000 with `json` and `jsonl`, where a complete answer is recognised. With `text` none: if you
   * set it, an agent that is silent for so long has answered, and the output has `outputTruncated: true`. Must be less than `timeoutMs`; no
   * idle timeout fires meanwhile.
   */
  readonly answerGraceMs?: number | undefined
}

/** The default of `env`: enough to find programs, a home folder and a language. */
export const defaultEnv: readonly string[] = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'TERM', 'TMPDIR'],
  ...['SystemRoot', 'SystemDrive', 'PATHEXT', 'TEMP', 'TMP', 'USERPROFILE', 'APPDATA', 'LOCALAPPDATA', 'PROGRAMDATA'],
]

/** Defaults of the options. */
export const processDefaults = {
  output: 'text',
  maxOutputBytes: 10_485_760,
  killGraceMs: 5_000,
  drainMs: 2_000,
  maxDrainMs: 60_000,
  answerGraceMs: 30_000,
} as const

const REQUEST = z.looseObject({ task: z.looseObject({ id: z.string() }) })

/** A `stdin` function: writes the whole request as one line of JSON, `{ runId, task, input, outputs, feedback? }`. */
export function jsonRequest(request: AgentRequest): string {
  checkOptions(REQUEST, request, { of: 'jsonRequest', secret: true })
  const { runId, task, input, outputs, feedback } = request
  const whole = { runId, task, input, outputs, ...(feedback && { feedback }) }
  // Strict APIs refuse half of a surrogate pair, which would be escaped.
  return `${JSON.stringify(whole, (_, value) => (typeof value === 'string' ? value.toWellFormed() : value))}\n`
}

const MOST_OUTPUT_BYTES = 2 ** 28

const OPTIONS = optionsOf({
  command: z.string().min(1, 'expected the name or path of a program'),
  args: z.array(z.string()).optional(),
  stdin: rules.fn.optional(),
  workdir: z.string().optional(),
  env: z.array(z.string()).optional(),
  setEnv: rules.record(z.string(), z.string()).optional(),
  output: z.enum(['text', 'json', 'jsonl']).optional(),
  extractJson: z.boolean().optional(),
  bigIntegers: z.enum(['refuse', 'text']).optional(),
  maxOutputBytes: z.number().min(1).max(MOST_OUTPUT_BYTES).optional(),
  killGraceMs: rules.millis.optional(),
  drainMs: rules.millis.optional(),
  maxDrainMs: rules.millis.optional(),
  answerGraceMs: rules.millis.optional(),
}).refine(({ extractJson, output }) => extractJson !== true || output === 'json', {
  path: ['extractJson'],
  message: "expected it only with output: 'json'",
})

/** @throws CounterpointError `INVALID_INPUT`. Problems of a request or of the machine are found when an attempt starts. */
export function checkProcessOptions(options: ProcessOptions): void {
  checkOptions(OPTIONS, options, { of: 'processBackend', secret: true })
}
