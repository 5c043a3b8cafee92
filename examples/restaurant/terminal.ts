import { cut, displayWidth, inline } from './text.js'

/** How a piece of a line looks where colours are wanted. */
export type Style = 'bold' | 'dim' | 'good' | 'bad' | 'doubtful'

/** A piece of a line. Any text may stand in it: what does not belong into a terminal is taken out when it is written. */
export type Part = string | { readonly text: string; readonly style: Style }

/** One line of output. */
export type Line = Part | readonly Part[]

/** What a {@link Terminal} needs of `process.stdout`. */
export interface Output {
  write(text: string): unknown
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
}

/** A line as it was written, and how many columns it takes. */
interface Row {
  readonly text: string
  readonly width: number
}

const CODES: Readonly<Record<Style, string>> = { bold: '1', dim: '2', good: '32', bad: '1;31', doubtful: '33' }
const RESET = '\u001b[0m'
const ERASE_BELOW = '\u001b[0J'
const HIDE_CURSOR = '\u001b[?25l'
const SHOW_CURSOR = '\u001b[?25h'
/** Of a pipe or a file, which has none. */
const USUAL_WIDTH = 100

/** A piece of a line with a style. */
export function styled(style: Style, text: string): Part {
  return { text, style }
}

/** The text of a piece, safe to show: what layout is to be measured by. */
export function textOf(part: Part): string {
  return inline(typeof part === 'string' ? part : part.text)
}

/** The line, cut so that it is not wider than `width`. */
export function fitLine(line: Line, width: number): Part[] {
  let left = width
  return partsOf(line).map(part => {
    const text = cut(textOf(part), left)
    left -= displayWidth(text)
    return typeof part === 'string' ? text : { ...part, text }
  })
}

/**
 * The only way out to the screen. In a terminal a block of lines can be kept below what is printed, and redrawn in place.
 * Invariant: every text that is written has been through {@link textOf}; escape sequences come from this class alone.
 */
export class Terminal {
  /** True where lines can be redrawn: in a terminal, unless `TERM=dumb`, `CI` or `NO_COLOR` say that nobody looks or nobody wants it. */
  readonly isLive: boolean
  /** Why nothing more can be written, e.g. EPIPE when the reader is gone. */
  broken: NodeJS.ErrnoException | undefined
  readonly #output: Output
  #block: readonly Row[] = []
  #isCursorHidden = false

  /** `onBroken` is called once, when nothing more can be written. */
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

  /** Prints lines for good. They are not cut: whoever makes them looks at `width`. */
  print(...lines: readonly Line[]): void {
    const text = lines.map(line => `${this.#render(partsOf(line))}\n`)
    this.#write(this.#erased() + text.join('') + this.#drawn(this.#block))
  }

  /** Shows these lines below everything else, in place of those shown before, cut to the width and height. Nothing in a pipe. */
  show(lines: readonly Line[]): void {
    if (!this.isLive) return
    if (!this.#isCursorHidden) process.once('exit', this.#showCursor)
    const start = this.#isCursorHidden ? this.#erased() : HIDE_CURSOR
    this.#isCursorHidden = true
    const block = lines.slice(0, Math.max(1, (this.#output.rows || 24) - 1)).map(line => this.#row(line))
    this.#write(start + this.#drawn(block))
    this.#block = block
  }

  /** Takes the shown lines away and gives the cursor back. */
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

  /** A terminal that became narrower has broken the lines of the block: they are as many rows as they need now. */
  #erased(): string {
    const up = this.#block.reduce((rows, { width }) => rows + Math.max(1, Math.ceil(width / this.width)), 0)
    return up === 0 ? '' : `\u001b[${up}A\r${ERASE_BELOW}`
  }

  /** One column stays free: some terminals break a line that fills them. */
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
