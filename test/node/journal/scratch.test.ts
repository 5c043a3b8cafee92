import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileJournal } from 'counterpoint/node'
import { journalConformance } from 'counterpoint/testing'
import { describe, test } from 'vitest'

describe.each(['fsync', 'os', 'none'] as const)('%s', durability => {
  const folders: string[] = []
  const make = () => {
    const folder = mkdtempSync(join(tmpdir(), 'fj-'))
    folders.push(folder)
    return fileJournal({ folder, durability })
  }
  for (const { name, run } of journalConformance(make, { reopen: () => fileJournal({ folder: folders.at(-1)!, durability }), dispose: () => rmSync(folders.at(-1)!, { recursive: true }) })) test(name, run)
})
