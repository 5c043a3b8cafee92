import { describe, expect, test } from 'vitest'
import { type Column, tableLines } from '../../examples/restaurant/table.js'
import { type Line, type Output, styled, Terminal, textOf } from '../../examples/restaurant/terminal.js'
import {
  comparedTo,
  cut,
  displayWidth,
  dollars,
  duration,
  fill,
  printable,
  wrap,
} from '../../examples/restaurant/text.js'

const ESC = String.fromCharCode(27)
/** Attacks on a terminal: ANSI, OSC 8 and 52, DCS, C1, carriage return, backspace, bidi, NUL, invisible characters. */
const hostile = [
  `${ESC}[31mred${ESC}[0m`,
  `${ESC}]8;;https://evil.example${ESC}\\link`,
  `${ESC}]52;c;aGk=\u0007`,
  `${ESC}P1;2|payload${ESC}\\`,
  '\u009b2Jcleared',
  'harmless\rhidden',
  'a\b\b\b',
  '\u202etxt.exe\u2066\u200f',
  'nul\0bom\ufeffline\u2028',
  'half \ud83d of a pair',
].join(' ')
const UNSAFE = /(?!\n|\t)[\p{Cc}\p{Cs}\p{Bidi_Control}\p{Zl}\p{Zp}\ufeff]/u

class Screen implements Output {
  text = ''
  isTTY = true
  columns = 40
  rows = 10
  fail: (error: NodeJS.ErrnoException) => void = () => {}

  write(text: string): void {
    this.text += text
  }

  on(_event: 'error', listener: (error: NodeJS.ErrnoException) => void): void {
    this.fail = listener
  }

  /** The output since the last call. */
  take(): string {
    const { text } = this
    this.text = ''
    return text
  }
}

function plain(lines: readonly Line[]): string[] {
  return lines.map(line => (typeof line === 'string' || 'text' in line ? [line] : line).map(textOf).join('').trimEnd())
}

describe('printable text', () => {
  test('contains no control characters but line feed and tab, and marks replaced ones', () => {
    expect(printable(hostile)).not.toMatch(UNSAFE)
    expect(printable('a\r\nb\tc')).toBe('a\nb\tc')
    expect(printable('a\rb\u202ec')).toBe('a\ufffdb\ufffdc')
    expect(printable('naïve 数据库 👩‍👩‍👧 e\u0301')).toBe('naïve 数据库 👩‍👩‍👧 e\u0301')
  })

  test('is enforced for everything that is printed or shown', () => {
    const screen = new Screen()
    const terminal = new Terminal(screen, {})
    terminal.print(hostile, [styled('bad', hostile), `${hostile}\n${hostile}`])
    terminal.show([hostile])
    terminal.clear()
    const ours = new RegExp(`${ESC}\\[(\\d+(;\\d+)?m|\\?25[lh]|\\d+A\r|0J)`, 'g')
    expect(screen.text.replaceAll(ours, '').replaceAll(/\r?\n/g, '')).not.toMatch(/\p{Cc}|\p{Bidi_Control}/u)
  })
})

describe('a terminal', () => {
  test('redraws the block in place, below the printed lines, and shows the cursor again', () => {
    const screen = new Screen()
    const terminal = new Terminal(screen, {})
    terminal.show(['one', 'two'])
    expect(screen.take()).toBe(`${ESC}[?25lone\ntwo\n`)
    terminal.print('done')
    expect(screen.take()).toBe(`${ESC}[2A\r${ESC}[0Jdone\none\ntwo\n`)
    terminal.show(['three'])
    expect(screen.take()).toBe(`${ESC}[2A\r${ESC}[0Jthree\n`)
    expect(process.listenerCount('exit')).toBeGreaterThan(0)
    terminal.clear()
    expect(screen.take()).toBe(`${ESC}[1A\r${ESC}[0J${ESC}[?25h`)
  })

  test('truncates the block to its size, and counts wrapped rows when it became narrower', () => {
    const screen = new Screen()
    const terminal = new Terminal(screen, {})
    terminal.show(Array.from({ length: 30 }, () => [styled('bold', 'x'.repeat(30)), 'y'.repeat(30)]))
    const lines = screen.take().split('\n')
    expect(lines).toHaveLength(10)
    expect(lines[1]).toBe(`${ESC}[1m${'x'.repeat(30)}${ESC}[0m${'y'.repeat(8)}…`)
    screen.columns = 20
    terminal.clear()
    expect(screen.take()).toContain(`${ESC}[18A`)
  })

  test.each([
    ['it is a pipe', false, {}],
    ['TERM is dumb', true, { TERM: 'dumb' }],
    ['CI is set', true, { CI: 'true' }],
    ['NO_COLOR is set', true, { NO_COLOR: '1' }],
  ])('has plain lines when %s', (_name, isTTY, env) => {
    const screen = Object.assign(new Screen(), { isTTY })
    const terminal = new Terminal(screen, env)
    terminal.show(['one'])
    terminal.print([styled('good', 'two'), '   '])
    terminal.clear()
    expect([terminal.isLive, screen.text]).toEqual([false, 'two\n'])
  })

  test('reports a closed output once, and stops writing', () => {
    const screen = new Screen()
    let broken = 0
    const terminal = new Terminal(screen, {}, () => broken++)
    screen.fail(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
    screen.fail(new Error('again'))
    terminal.print('one')
    expect([broken, terminal.broken?.code, screen.text]).toEqual([1, 'EPIPE', ''])
  })
})

describe('text in columns', () => {
  test('measures widths: two columns for CJK and emoji, none for marks', () => {
    expect(['abc', '数据', '👩‍👩‍👧', 'e\u0301', '🇩🇪', ''].map(displayWidth)).toEqual([3, 4, 2, 1, 2, 0])
  })

  test('truncates, pads and wraps to the requested width', () => {
    for (const text of ['', 'abc', 'a longer text with words', '数据库数据库数据库', 'x'.repeat(100_000), hostile])
      for (const width of [0, 1, 2, 7, 20]) {
        expect(displayWidth(cut(text, width))).toBeLessThanOrEqual(width)
        expect(displayWidth(fill(text, width))).toBe(width)
      }
    expect(cut('abcdef', 4)).toBe('abc…')
    expect(wrap('one two three', 8)).toEqual(['one two', 'three'])
    for (const width of [-3, 0, 1, 9]) {
      const lines = wrap(`数据库 ${'y'.repeat(30)} 数据库数据库 end`, width)
      expect(lines.join('').replaceAll(' ', '')).toBe(`数据库${'y'.repeat(30)}数据库数据库end`)
      for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(Math.max(8, width))
    }
  })

  test('formats times, amounts and shares briefly', () => {
    expect([620, 45_100, 200_900, 18_730_000].map(duration)).toEqual(['0.62 s', '45.1 s', '3 min 20 s', '5 h 12 min'])
    expect([3, 0.067, 0, undefined].map(dollars)).toEqual(['$3.00', '$0.067', '$0.00', '-'])
    expect([210 / 315, 1.02].map(comparedTo)).toEqual(['33 % less', '2 % more'])
  })

  test('narrows a table where possible, and then omits columns', () => {
    const columns: Column[] = [
      { title: 'id', least: 4 },
      { title: 'n', align: 'right' },
      { title: 'why', least: 6, leftOut: 1 },
    ]
    const rows = [
      ['a long name', '7', 'for some reason'],
      ['b', '12', ''],
    ]
    expect(plain(tableLines(columns, rows, 60))).toEqual([
      'id            n  why',
      'a long name   7  for some reason',
      'b            12',
    ])
    expect(plain(tableLines(columns, rows, 20))).toEqual(['id        n  why', 'a long…   7  for so…', 'b        12'])
    expect(plain(tableLines(columns, rows, 13))).toEqual(['id          n', 'a long n…   7', 'b          12'])
  })
})
