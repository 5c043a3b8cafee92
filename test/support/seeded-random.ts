/** Pseudorandom numbers from a seed: an LCG (Knuth, TAOCP 2, 3.3.4) of which the high bits are used. */
export class SeededRandom {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
    for (let i = 0; i < 3; i++) this.next()
  }

  /** A number in [0, 1). */
  next(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0
    return (this.#state >>> 8) / 2 ** 24
  }

  /** A whole number from 0 to `count` - 1. */
  below(count: number): number {
    return Math.floor(this.next() * count)
  }

  chance(share: number): boolean {
    return this.next() < share
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }
}

/** A seed derived from words. */
export function seedOf(...words: readonly (string | number)[]): number {
  let seed = 17
  for (const letter of words.join('|')) seed = (Math.imul(seed, 31) + letter.charCodeAt(0)) | 0
  return seed
}
