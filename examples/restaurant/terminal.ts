import { cut, displayWidth, inline } from './text.js'

/** The style of a part of a line, in terminals with colour. */
export type Style = 'bold' | 'dim' | 'good' | 'bad' | 'doubtful'

/** A part of a line. It may contain any text: unsafe characters are replaced when it is written. */
export type Part = string | { readonly text: string; readonly style: Style }

/** One line of output. */
export type Line = Part | readonly Part[]

/** The part of `process.stdout` that a {@link Terminal} uses. */
export interface Output {
  write(text: string): unknown
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
}

/** A line as written, and its width in columns. */
interface Row {
  readonly text: string
  readonly width: number
}

const CODES: Readonly<Record<Style, string>> = { bold: '1', dim: '2', good: '32', bad: '1;31', doubtful: '33' }
const RESET = '\u001b[0m'
const ERASE_BELOW = '\u001b[0J'
const HIDE_CURSOR = '\u001b[?25l'
const SHOW_CURSOR = '\u001b[?25h'
/** The assumed width of a pipe or a file. */
const USUAL_WIDTH = 100

/** A part of a line with a style. */
export function styled(style: Style, text: string): Part {
  return { text, style }
}

/** The text of a part, safe to print. Use it to compute layouts. */
export function textOf(part: Part): string {
  return inline(typeof part === 'string' ? part : part.text)
}

/** The line, truncated to `width`. */
export function fitLine(line: Line, width: number): Part[] {
  let left = width
  return partsOf(line).map(part => {
    const text = cut(textOf(part), left)
    left -= displayWidth(text)
    return typeof part === 'string' ? text : { ...part, text }
  })
}

/**
 * All output goes through this class. In a terminal, a block of lines can be shown below the printed lines and redrawn in place.
 * Invariant: all text that is written has passed {@link textOf}; only this class writes escape sequences.
 */
export class Terminal {
  /** True if lines can be redrawn: in a terminal, unless `TERM=dumb`, `CI` or `NO_COLOR` is set. */
  readonly isLive: boolean
  /** The error after which nothing can be written, for example EPIPE. */
  broken: NodeJS.ErrnoException | undefined
  readonly #output: Output
  #block: readonly Row[] = []
  #isCursorHidden = false

  /** `onBroken` is called once, after the first write error. */
  constructor(output: Output, env: NodeJS.ProcessEnv, onBroken: () => void = () => {}) {
    this.#output = output
    this.isLive = output.isTTY === true && env.TERM !== 'dumb' && !env.CI && !env.NO_COLOR
    output.on('error', error => {
      if (this.broken !== undefined) return
      this.broken = error
      onBroken()
    })
  }

  /** In columns. */
  get width(): number {
    return this.#output.columns || USUAL_WIDTH
  }

  /** Prints lines permanently. They are not truncated: callers have to consider `width`. */
  print(...lines: readonly Line[]): void {
    const text = lines.map(line => `${this.#render(partsOf(line))}\n`)
    this.#write(this.#erased() + text.join('') + this.#drawn(this.#block))
  }

  /** Shows these lines below the printed ones, replacing the previous block, truncated to width and height. No effect in a pipe. */
  show(lines: readonly Line[]): void {
    if (!this.isLive) return
    if (!this.#isCursorHidden) process.once('exit', this.#showCursor)
    const start = this.#isCursorHidden ? this.#erased() : HIDE_CURSOR
    this.#isCursorHidden = true
    const block = lines.slice(0, Math.max(1, (this.#output.rows || 24) - 1)).map(line => this.#row(line))
    this.#write(start + this.#drawn(block))
    this.#block = block
  }

  /** Removes the block and shows the cursor again. */
  clear(): void {
    if (!this.#isCursorHidden) return
    this.#write(this.#erased())
    this.#block = []
    process.off('exit', this.#showCursor)
    this.#showCursor()
  }

  readonly #showCursor = (): void => {
    this.#isCursorHidden = false
    this.#write(SHOW_CURSOR)
  }

  #write(text: string): void {
    if (this.broken === undefined && text !== '') this.#output.write(text)
  }

  #drawn(block: readonly Row[]): string {
    return block.map(({ text }) => `${text}\n`).join('')
  }

  /** The number of rows of the block at the current width: a terminal that became narrower has wrapped its lines. */
  #erased(): string {
    const up = this.#block.reduce((rows, { width }) => rows + Math.max(1, Math.ceil(width / this.width)), 0)
    return up === 0 ? '' : `\u001b[${up}A\r${ERASE_BELOW}`
  }

  /** One column stays free: some terminals wrap a line that fills the whole width. */
  #row(line: Line): Row {
    const parts = fitLine(line, this.width - 1)
    const width = parts.reduce((sum, part) => sum + displayWidth(textOf(part)), 0)
    return { text: this.#render(parts), width }
  }

  #render(parts: readonly Part[]): string {
    const line = parts.map(part =>
      this.isLive && typeof part !== 'string' ? `\u001b[${CODES[part.style]}m${textOf(part)}${RESET}` : textOf(part),
    )
    return this.isLive ? line.join('') : line.join('').trimEnd()
  }
}

function partsOf(line: Line): readonly Part[] {
  return typeof line === 'string' || 'text' in line ? [line] : line
}
