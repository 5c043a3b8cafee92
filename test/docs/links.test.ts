import { existsSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { ROOT } from '../package/source-tree.js'
import { blocksOf, pages, readPage } from './markdown.js'

/** The text of a page without its code: what looks like a link there is none, what looks like a heading neither. */
function prose(page: string, text: string): string {
  const lines = text.split('\n')
  for (const block of blocksOf(page, text)) lines.fill('', block.line - 2, block.line + block.lines.length)
  return lines.join('\n')
}

/** The anchors of a page: its headings as GitHub names them, and whatever carries an id. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set([...text.matchAll(/<a (?:id|name)="([^"]+)"/g)].map(match => match[1]!))
  for (const [, heading] of text.matchAll(/^#{1,6} +(.+)$/gm)) {
    const words = heading!.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const slug = words.replace(/[^\p{L}\p{N}_\- ]/gu, '').replaceAll(' ', '-')
    let anchor = slug
    for (let copy = 1; anchors.has(anchor); copy++) anchor = `${slug}-${copy}`
    anchors.add(anchor)
  }
  return anchors
}

/** What is wrong with the links of a page to other files of ours, and to places in them. */
function brokenLinks(page: string, text: string): string[] {
  const links = [...prose(page, text).matchAll(/\]\(([^)\s]+)(?: "[^"]*")?\)/g)].map(match => match[1]!)
  return links.flatMap(link => {
    if (/^[a-z]+:/.test(link)) return []
    const [path, anchor] = link.split('#') as [string, string | undefined]
    const target = path === '' ? page : posix.join(posix.dirname(page), path)
    if (path !== '' && !existsSync(join(ROOT, target))) return [`${page}: ${link} leads to no file`]
    if (anchor === undefined || !target.endsWith('.md')) return []
    const there = path === '' ? text : readPage(target)
    return anchorsOf(prose(target, there)).has(anchor) ? [] : [`${page}: ${link} leads to no heading`]
  })
}

test('every link between our pages leads somewhere', () => {
  expect(pages().flatMap(page => brokenLinks(page, readPage(page)))).toEqual([])
})

describe('the checker of links', () => {
  const page = '# One\n## `run()`, twice\n[a](#run-twice) ![b](LICENSE) [c](https://example.com/#x)\n'

  test('accepts links to headings, files and other places', () => {
    expect(brokenLinks('README.md', page)).toEqual([])
  })

  test.each(['#two', 'gone.md', 'docs/gone.md#one'])('finds %s', link => {
    expect(brokenLinks('README.md', `${page}[d](${link})`)).toEqual([expect.stringContaining(link)])
  })

  test('does not look into code', () => {
    expect(brokenLinks('README.md', '```text\n[a](gone.md)\n```\n')).toEqual([])
  })
})

describe('docs/errors.md', () => {
  const anchors = anchorsOf(prose('docs/errors.md', readPage('docs/errors.md')))

  test.each(membersOf('src/errors.ts', 'ErrorDetails'))('has a place for the code %s', code => {
    expect([...anchors]).toContain(code.toLowerCase())
  })

  test.each(membersOf('src/core/failure/failure.ts', 'FailureKind'))('has a place for the kind %s', kind => {
    expect([...anchors]).toContain(kind)
  })
})

/** The names of the members of an interface, or the strings of a union. */
function membersOf(path: string, name: string): string[] {
  const source = ts.createSourceFile(path, readFileSync(join(ROOT, path), 'utf8'), ts.ScriptTarget.Latest, true)
  for (const statement of source.statements) {
    if (ts.isInterfaceDeclaration(statement) && statement.name.text === name) {
      return statement.members.map(member => member.name!.getText())
    }
    if (ts.isTypeAliasDeclaration(statement) && statement.name.text === name && ts.isUnionTypeNode(statement.type)) {
      return statement.type.types.map(member => member.getText().slice(1, -1))
    }
  }
  throw new Error(`expected ${path} to declare ${name}, as an interface or a union of strings`)
}
