/** Runs `act` and gives the rejections that nobody handled meanwhile: in production each of them ends the process. */
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
