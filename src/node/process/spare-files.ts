import { closeSync, openSync } from 'node:fs'
import { devNull } from 'node:os'

/**
 * What the start of a process needs: three pipes, of which it keeps three ends, and one for the result; and what its scans and its record
 * need afterwards.
 */
const NEEDED = 16

/**
 * Finds out whether the process can still open that many files.
 *
 * BAD: try it. When Node runs out of file handles in the middle of `spawn`, it never closes those that it has opened (measured on Node 20, 22
 * and 24: three for each failed start, until nothing can be opened any more).
 *
 * @throws What the system says, such as `EMFILE`.
 */
export function expectSpareFiles(): void {
  const opened: number[] = []
  try {
    for (let count = 0; count < NEEDED; count++) opened.push(openSync(devNull, 'r'))
  } finally {
    for (const file of opened) closeSync(file)
  }
}
