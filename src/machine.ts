/**
 * A port: what is known of the machine that the agents run on. `nodeMachine` of `counterpoint/node` is the other implementation.
 * Both may be asked at any time and answer at once; a reading that cannot be had is undefined, and bounds nothing.
 */
export interface Machine {
  /** How many threads may run at once: at least 1. */
  cores(): number | undefined
  /** How much memory new processes could take without swapping, in bytes. */
  freeMemory(): number | undefined
}

/** The machine of which nothing is known: the default outside `counterpoint/node`. */
export const unknownMachine: Machine = {
  cores: () => undefined,
  freeMemory: () => undefined,
}
