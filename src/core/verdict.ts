/** What follows from a failed attempt. */
export type Verdict =
  /** Another attempt after `delayMs`. */
  | { readonly action: 'retry'; readonly delayMs: number }
  /** No further attempt: the task is dead. `reason` says which bound was reached or why the kind is not retried. */
  | { readonly action: 'dead'; readonly reason: string }
