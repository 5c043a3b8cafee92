/** A table, ready to be printed. */
export interface Table {
  readonly title: string
  /** A description of one or two sentences. */
  readonly note: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** Formats for a terminal: the first column left-aligned, the others right-aligned. */
export function plain({ title, note, columns, rows }: Table): string {
  const widths = columns.map((_, column) => Math.max(...[columns, ...rows].map(row => row[column]!.length)))
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  ')
  return [title, note, '', line(columns), widths.map(width => '-'.repeat(width)).join('  '), ...rows.map(line)].join(
    '\n',
  )
}

/** Formats as Markdown. */
export function markdown({ title, note, columns, rows }: Table): string {
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`
  const rule = columns.map((_, column) => (column === 0 ? '---' : '---:'))
  return [`### ${title}`, '', note, '', ...[columns, rule, ...rows].map(line)].join('\n')
}

/** `1,000,000`. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** About three digits. */
export function figure(value: number): string {
  if (value >= 100) return whole(value)
  return value.toFixed(value >= 10 ? 1 : 2)
}
