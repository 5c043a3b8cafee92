import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../package/source-tree.js'

/** A fenced code block of a page. */
export interface Block {
  /** Path of the page from the root, such as `docs/quickstart.md`. */
  readonly page: string
  /** Line number of its first line of code, from 1. */
  readonly line: number
  /** The first word after the fence; empty if there is none. */
  readonly language: string
  /** The words after it. */
  readonly marks: readonly string[]
  readonly lines: readonly string[]
}

/** README.md and all pages below docs/. */
export function pages(): string[] {
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
  const found = docs.filter(path => path.endsWith('.md')).map(path => join('docs', path))
  return ['README.md', ...found.sort()]
}

/** The text of a page; empty if it does not exist. */
export function readPage(page: string): string {
  try {
    return readFileSync(join(ROOT, page), 'utf8')
  } catch {
    return ''
  }
}

/** All fenced blocks of a page, in order. An unclosed fence extends to the end of the page. */
export function blocksOf(page: string, text: string): Block[] {
  const lines = text.split('\n')
  const blocks: Block[] = []
  for (let index = 0; index < lines.length; index++) {
    const fence = /^( *)(`{3,}|~{3,})(.*)$/.exec(lines[index]!)
    if (fence === null) continue
    const [, indent, ticks, info] = fence as unknown as [string, string, string, string]
    const start = index + 1
    do index++
    while (index < lines.length && !lines[index]!.trimStart().startsWith(ticks))
    const [language = '', ...marks] = info.trim().split(/\s+/)
    const code = lines.slice(start, index).map(line => line.replace(new RegExp(`^ {0,${indent.length}}`), ''))
    blocks.push({ page, line: start + 1, language, marks, lines: code })
  }
  return blocks
}
