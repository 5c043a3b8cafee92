import { cutText } from '../text.js'

/** The most characters of a reason that a host gives, or of the name of a person. */
const MAX_TEXT = 4_000
/** The most characters of all of them in one record. */
const MAX_IN_RECORD = 40_000_000

/**
 * A text of the host as it is journaled. A record that ends all tasks of a run has its reason once per task (`copies`), and a journal must
 * be able to hold that record: V8 holds no string past about 512 MB.
 */
export function shortText(text: string, copies = 1): string {
  return cutText(text, Math.min(MAX_TEXT, Math.max(40, Math.floor(MAX_IN_RECORD / copies))))
}
