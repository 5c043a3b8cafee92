import { readdirSync, readFileSync } from 'node:fs'

/** The pids and command lines of all running processes whose variable `CRASH_TEST` is this folder. */
export function processesOf(folder: string): readonly string[] {
  return readdirSync('/proc').flatMap(name => {
    if (!/^\d+$/.test(name)) return []
    try {
      const isOurs = readFileSync(`/proc/${name}/environ`, 'latin1').split('\0').includes(`CRASH_TEST=${folder}`)
      return isOurs ? [`${name}: ${readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' ')}`] : []
    } catch {
      return []
    }
  })
}
