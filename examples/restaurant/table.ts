import { type Line, type Part, textOf } from './terminal.js'
import { displayWidth, fill } from './text.js'

/** A column of a {@link tableLines table}. */
export interface Column {
  readonly title: string
  /** Default `left`. */
  readonly align?: 'right'
  /** Minimum width to which it may be truncated, in columns. Default: it is never truncated. */
  readonly least?: number
  /** Columns with the highest number are omitted first when there is no room. Default 0: never omitted. */
  readonly leftOut?: number
}

interface Fitted extends Column {
  readonly place: number
  width: number
}

const GAP = '  '

/** Rows under titles. No line is wider than `width`: columns are truncated, or omitted if they allow it. */
export function tableLines(columns: readonly Column[], rows: readonly (readonly Part[])[], width: number): Line[] {
  let kept = columns.map((column, place) => ({ ...column, place, width: widest(column, place, rows, width) }))
  let fitted = squeezed(kept, width)
  while (fitted === undefined) {
    const expendable = kept.reduce((most, column) => ((column.leftOut ?? 0) > (most.leftOut ?? 0) ? column : most))
    if (!expendable.leftOut) break
    kept = kept.filter(column => column !== expendable)
    fitted = squeezed(kept, width)
  }
  return layOut(fitted ?? kept, rows)
}

function layOut(columns: readonly Fitted[], rows: readonly (readonly Part[])[]): Line[] {
  const head = columns.map(column => ({ text: fill(column.title, column.width, column.align), style: 'dim' as const }))
  return [spaced(head), ...rows.map(row => spaced(columns.map(column => cell(row[column.place] ?? '', column))))]
}

function widest({ title }: Column, place: number, rows: readonly (readonly Part[])[], most: number): number {
  let width = displayWidth(title)
  for (const row of rows) width = Math.max(width, displayWidth(textOf(row[place] ?? '').slice(0, most)))
  return Math.min(width, most)
}

/** Narrows the widest column that allows it until the table fits; undefined if it cannot fit. */
function squeezed(columns: readonly Fitted[], width: number): Fitted[] | undefined {
  const fitted = columns.map(column => ({ ...column }))
  let tooMuch = fitted.reduce((sum, column) => sum + column.width, (fitted.length - 1) * GAP.length) - width
  for (; tooMuch > 0; tooMuch--) {
    const spare = fitted.filter(({ least, width }) => least !== undefined && width > least)
    if (spare.length === 0) return undefined
    spare.reduce((most, column) => (column.width > most.width ? column : most)).width--
  }
  return fitted
}

function cell(part: Part, { width, align }: Fitted): Part {
  const text = fill(textOf(part), width, align)
  return typeof part === 'string' ? text : { ...part, text }
}

function spaced(parts: readonly Part[]): Part[] {
  return parts.flatMap((part, place) => (place === 0 ? [part] : [GAP, part]))
}
