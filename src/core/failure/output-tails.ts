/** The ends of what the program of an attempt printed. A stream without output is left out. */
export interface OutputTails {
  readonly stdout?: string | undefined
  readonly stderr?: string | undefined
}
