import { existsSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { ROOT } from '../package/source-tree.js'
import { blocksOf, pages, readPage } from './markdown.js'

/** The text of a page without its code blocks, which may contain text that looks like links or headings. */
function prose(page: string, text: string): string {
  const lines = text.split('\n')
  for (const block of blocksOf(page, text)) lines.fill('', block.line - 2, block.line + block.lines.length)
  return lines.join('\n')
}

/** The anchors of a page: those that GitHub generates for headings, and explicit ids. */
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

/** The broken links of a page: to missing files of this repository, or to missing anchors. */
function brokenLinks(page: string, text: string): string[] {
  const links = [...prose(page, text).matchAll(/\]\(([^)\s]+)(?: "[^"]*")?\)/g)].map(match => match[1]!)
  return links.flatMap(link => {
    if (/^[a-z]+:/.test(link)) return []
    const [path, anchor] = link.split('#') as [string, string | undefined]
    const target = path === '' ? page : posix.join(posix.dirname(page), path)
    if (path !== '' && !existsSync(join(ROOT, target))) return [`${page}: ${link} points to a missing file`]
    if (anchor === undefined || !target.endsWith('.md')) return []
    const there = path === '' ? text : readPage(target)
    return anchorsOf(prose(target, there)).has(anchor) ? [] : [`${page}: ${link} points to a missing heading`]
  })
}

test('no link between pages is broken', () => {
  expect(pages().flatMap(page => brokenLinks(page, readPage(page)))).toEqual([])
})

describe('the link checker', () => {
  const page = '# One\n## `run()`, twice\n[a](#run-twice) ![b](LICENSE) [c](https://example.com/#x)\n'

  test('accepts links to headings, files and other sites', () => {
    expect(brokenLinks('README.md', page)).toEqual([])
  })

  test.each(['#two', 'gone.md', 'docs/gone.md#one'])('finds %s', link => {
    expect(brokenLinks('README.md', `${page}[d](${link})`)).toEqual([expect.stringContaining(link)])
  })

  test('ignores code blocks', () => {
    expect(brokenLinks('README.md', '```text\n[a](gone.md)\n```\n')).toEqual([])
  })
})

describe('docs/errors.md', () => {
  const anchors = anchorsOf(prose('docs/errors.md', readPage('docs/errors.md')))

  test.each(membersOf('src/errors.ts', 'ErrorDetails'))('has an anchor for the code %s', code => {
    expect([...anchors]).toContain(code.toLowerCase())
  })

  test.each(membersOf('src/core/failure/failure.ts', 'FailureKind'))('has an anchor for the kind %s', kind => {
    expect([...anchors]).toContain(kind)
  })
})

describe('docs/results.md', () => {
  const RESULT = 'src/core/results/run-result.ts'
  const page = readPage('docs/results.md')

  test.each([
    [RESULT, 'RunResult'],
    [RESULT, 'RunTimes'],
    [RESULT, 'RootCause'],
    [RESULT, 'TaskResult'],
    ['src/run/progress.ts', 'RunProgress'],
    ['src/run/progress.ts', 'RunningTask'],
    ['src/run/progress.ts', 'HeldTask'],
    ['src/run/progress.ts', 'ParkedPool'],
  ])('names every member of %s, %s', (path, name) => {
    const members = membersOf(path, name)
    expect(members.length).toBeGreaterThan(3)
    expect(members.filter(member => !page.includes(`\`${member}\``) && !page.includes(`\`${member}?\``))).toEqual([])
  })
})

/** The member names of an interface or of an object type, or the strings of a union type. */
function membersOf(path: string, name: string): string[] {
  const source = ts.createSourceFile(path, readFileSync(join(ROOT, path), 'utf8'), ts.ScriptTarget.Latest, true)
  for (const statement of source.statements) {
    if (ts.isInterfaceDeclaration(statement) && statement.name.text === name) {
      return statement.members.map(member => member.name!.getText())
    }
    if (ts.isTypeAliasDeclaration(statement) && statement.name.text === name && ts.isUnionTypeNode(statement.type)) {
      return statement.type.types.map(member => member.getText().slice(1, -1))
    }
    if (ts.isTypeAliasDeclaration(statement) && statement.name.text === name)
      return [...new Set(namesIn(statement.type))]
  }
  throw new Error(`expected ${path} to declare ${name}, as an interface or a union of strings`)
}

/** The names of the members of an object type, or of the object types that it is made of. */
function namesIn(type: ts.TypeNode): string[] {
  if (ts.isParenthesizedTypeNode(type)) return namesIn(type.type)
  if (ts.isUnionTypeNode(type) || ts.isIntersectionTypeNode(type)) return type.types.flatMap(namesIn)
  return ts.isTypeLiteralNode(type) ? type.members.map(member => member.name!.getText()) : []
}
