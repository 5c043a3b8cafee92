import type { Json } from './json.js'

/**
 * How the compiler checks that a value is JSON: what the functions of a task return, a chunk. `Json` itself would not do: an object whose
 * type is an `interface` is not assignable to it, since an interface could be augmented.
 */

/** True for `any`. */
export type IsAny<T> = 0 extends 1 & T ? true : false
/** True for `unknown`. */
export type IsUnknown<T> = IsAny<T> extends true ? false : unknown extends T ? true : false

/** Like `Json`, but members may be undefined; those are dropped. */
type JsonInput = Json | readonly JsonInput[] | { readonly [key: string]: JsonInput | undefined }

/** The members of `T` that are JSON; `never` in place of the others. A type that is JSON extends it. */
type JsonOf<T> = T extends JsonInput
  ? T
  : T extends readonly (infer Item)[]
    ? readonly JsonOf<Item>[]
    : T extends (...args: never) => unknown
      ? never
      : T extends object
        ? { readonly [Key in keyof T]: Key extends symbol ? never : MemberOf<T[Key]> }
        : never

/** A member may be undefined. */
type MemberOf<T> = T extends undefined ? T : JsonOf<T>

/** `unknown` where `T` is JSON; else a sentence that is not assignable, for the error of the compiler. */
export type CheckedJson<T, What extends string, Hint extends string = ''> =
  IsAny<T> extends true
    ? unknown
    : IsUnknown<T> extends true
      ? `${What} has the type unknown: state its type${Hint}`
      : [T] extends [JsonOf<T>]
        ? unknown
        : `${What} must be JSON: no function, class instance, Map, bigint, symbol, or undefined in a list`
