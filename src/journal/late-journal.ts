import type { OpenJournal } from './journal.js'

/** A journal that is still being opened: records wait for it, in order. One that is open already is given back as it is. */
export function lateJournal(opening: OpenJournal | Promise<OpenJournal>): OpenJournal {
  if (!(opening instanceof Promise)) return opening
  opening.catch(() => {})
  return {
    append: async record => (await opening).append(record),
    async *read() {
      yield* (await opening).read()
    },
    close: async () => (await opening).close(),
  }
}
