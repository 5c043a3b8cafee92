/** Options of which every member has a value. */
export type Complete<T> = { readonly [K in keyof T]-?: Exclude<T[K], undefined> }

/** The options with `defaults` for the members that are missing or undefined. Invariant: it has the members of `defaults` and no others. */
export function withDefaults<D extends object>(
  defaults: D,
  options: NoInfer<{ readonly [K in keyof D]?: D[K] | undefined }>,
): D {
  const complete = { ...defaults }
  for (const key of Object.keys(defaults) as (keyof D)[]) complete[key] = options[key] ?? defaults[key]
  return complete
}
