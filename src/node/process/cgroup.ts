import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const PREFIX = 'counterpoint-'
/** The kernel may call a group busy for a moment after its last process has ended. */
const REMOVE_ATTEMPTS = 5
const REMOVE_PAUSE_MS = 10

/**
 * A control group (version 2) for the processes of one attempt. The kernel keeps every descendant in it, whatever it does to its
 * environment, session and parent.
 *
 * It needs a kernel with version 2 (5.14 or later for {@link kill}), and permission to create a group below that of the host: as root, in a
 * container whose cgroups are writable, or in a unit of systemd with `Delegate=yes`. No controller is enabled, so nothing is limited.
 */
export class Cgroup {
  readonly folder: string

  constructor(folder: string) {
    this.folder = folder
  }

  /** Creates one below the group of the host. Undefined where that is not possible. */
  static create(tag: string): Cgroup | undefined {
    const parent = ownGroup()
    if (parent === undefined || isRefused) return undefined
    const folder = path.join(parent, PREFIX + tag)
    try {
      mkdirSync(folder)
      return new Cgroup(folder)
    } catch (error) {
      isRefused = REFUSALS.includes((error as NodeJS.ErrnoException).code ?? '')
      return undefined
    }
  }

  /** The one of this tag that a record names. Undefined if that is another folder: folders below it are removed in the end. */
  static recorded(folder: string, tag: string): Cgroup | undefined {
    return path.basename(folder) === PREFIX + tag ? new Cgroup(folder) : undefined
  }

  /** Those that a dead host left below the group of this one. */
  static left(isTag: (tag: string) => boolean): readonly Cgroup[] {
    const parent = ownGroup()
    if (parent === undefined) return []
    const names = entriesOf(parent).filter(name => name.startsWith(PREFIX) && isTag(name.slice(PREFIX.length)))
    return names.map(name => new Cgroup(path.join(parent, name)))
  }

  /** Moves a process into it. False if that is not permitted, or the process has ended. Takes 5 to 30 ms in the kernel. */
  async add(pid: number): Promise<boolean> {
    return writeFile(this.#file('procs'), String(pid)).then(
      () => true,
      () => false,
    )
  }

  /** The processes in it and in groups below it. Zombies are left out. */
  pids(): readonly number[] {
    return foldersIn(this.folder).flatMap(folder => pidsIn(folder))
  }

  /** Sends KILL to all of them at once, so that none can fork in between. */
  kill(): void {
    try {
      writeFileSync(this.#file('kill'), '1')
    } catch {
      // An older kernel, or the group is gone: its processes are signalled one by one.
    }
  }

  /** Removes it, and groups below it, once it has no process. */
  async remove(): Promise<void> {
    for (let left = REMOVE_ATTEMPTS; left > 0; left--) {
      try {
        for (const folder of foldersIn(this.folder).toReversed()) rmdirSync(folder)
        return
      } catch {
        await sleep(REMOVE_PAUSE_MS)
      }
    }
  }

  #file(name: string): string {
    return path.join(this.folder, `cgroup.${name}`)
  }
}

const REFUSALS: readonly string[] = ['EACCES', 'EPERM', 'EROFS', 'ENOENT']

/** The first attempt was told that groups cannot be created: that will not change. */
let isRefused = false

/** The folder and those below it, outermost first. */
function foldersIn(folder: string): readonly string[] {
  const below = entriesOf(folder)
  return [folder, ...below.flatMap(name => foldersIn(path.join(folder, name)))]
}

/** The names of the groups directly below; none when it is gone. */
function entriesOf(folder: string): readonly string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true })
    return entries.filter(entry => entry.isDirectory()).map(({ name }) => name)
  } catch {
    return []
  }
}

function pidsIn(folder: string): readonly number[] {
  try {
    const text = readFileSync(path.join(folder, 'cgroup.procs'), 'latin1')
    return text
      .split('\n')
      .filter(line => line !== '')
      .map(Number)
  } catch {
    return []
  }
}

let own: { readonly folder: string | undefined } | undefined

/** The folder of the control group of this process. Undefined without version 2. */
function ownGroup(): string | undefined {
  own ??= { folder: process.platform === 'linux' ? findOwnGroup() : undefined }
  return own.folder
}

function findOwnGroup(): string | undefined {
  try {
    const group = /^0::(\/.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1]
    return group === undefined ? undefined : folderOf(group, readFileSync('/proc/self/mountinfo', 'utf8'))
  } catch {
    return undefined
  }
}

/**
 * The folder of a control group, by the text of `/proc/self/mountinfo`: version 2 may be mounted anywhere, and in a container only a part
 * of it. Undefined when it is not mounted.
 */
export function folderOf(group: string, mountinfo: string): string | undefined {
  for (const line of mountinfo.split('\n')) {
    const [place, kind] = line.split(' - ')
    const [, , , root, folder] = (place ?? '').split(' ')
    if (!kind?.startsWith('cgroup2 ') || root === undefined || folder === undefined) continue
    const below = path.posix.relative(root, group)
    if (!below.startsWith('..')) return path.posix.join(folder, below)
  }
  return undefined
}
