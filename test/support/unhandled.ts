/** Runs `act` and returns the unhandled rejections: in production each of them would end the process. */
export async function unhandledDuring(act: () => unknown): Promise<readonly unknown[]> {
  const others = process.listeners('unhandledRejection')
  const reasons: unknown[] = []
  const note = (reason: unknown): void => void reasons.push(reason)
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', note)
  try {
    await act()
    for (let turn = 0; turn < 3; turn++) await new Promise(resolve => setImmediate(resolve))
  } finally {
    process.off('unhandledRejection', note)
    for (const listener of others) process.on('unhandledRejection', listener)
  }
  return reasons
}
