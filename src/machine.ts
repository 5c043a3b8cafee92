/**
 * A port: the machine that the agents run on. Implementations: `unknownMachine`, and `nodeMachine` of `counterpoint/node`.
 * Both methods are synchronous and may be called at any time. An unknown value is undefined, and limits nothing.
 */
export interface Machine {
  /** How many threads can run at once, at least 1. */
  cores(): number | undefined
  /** How much memory new processes can take without swapping, in bytes. */
  freeMemory(): number | undefined
}

/** A machine whose values are all unknown: the default. */
export const unknownMachine: Machine = {
  cores: () => undefined,
  freeMemory: () => undefined,
}
