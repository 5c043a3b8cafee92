import { posix } from 'node:path'
import type { FileFacts, FileSystem, OpenFile } from 'counterpoint/node'

type Operation =
  | 'open'
  | 'read'
  | 'write'
  | 'fsync'
  | 'fdatasync'
  | 'truncate'
  | 'syncFolder'
  | 'rename'
  | 'unlink'
  | 'mkdir'

/** A failure to inject. */
export interface Fault {
  readonly on: Operation
  readonly code: string
  /** Only for paths with this suffix. Default: all. */
  readonly path?: string
  /** The first operation that fails; 1 is the next one. Default 1. */
  readonly nth?: number
  /** How many operations fail. Default 1. */
  readonly times?: number
  /** The number of bytes that a failed write leaves. Default 0. */
  readonly leaves?: number
}

interface FileNode {
  readonly kind: 'file'
  readonly id: string
  live: Buffer
  /** The content that survives a power loss for certain. */
  durable: Buffer
  /** The changes since: any subset of them may survive a power loss. */
  pending: ((content: Buffer, torn: Torn) => Buffer)[]
}

interface FolderNode {
  readonly kind: 'folder'
  readonly id: string
  live: Map<string, Node>
  durable: Map<string, Node>
  pending: Renaming[]
}

/** An atomic change of the names in a folder: a power loss keeps it or not. */
interface Renaming {
  readonly removed?: string
  readonly added?: string
  readonly node?: Node
}

interface LinkNode {
  readonly kind: 'other'
  readonly id: string
}

type Node = FileNode | FolderNode | LinkNode

/** True for a sector that is not written. */
type Torn = () => boolean

const SECTOR = 512

/** A disk in memory that can fail, fill up, write in small pieces, and lose what was not synced. */
export class FakeDisk implements FileSystem {
  #root: FolderNode = folderNode()
  readonly #locked = new Set<string>()
  #faults: { fault: Fault; seen: number; left: number }[] = []
  /** The free space in bytes. */
  space = Number.POSITIVE_INFINITY
  /** The most bytes that one write accepts. */
  largestWrite = Number.POSITIVE_INFINITY
  /** The number of calls of each operation. */
  readonly counts: Partial<Record<Operation, number>> = {}
  /** Called before each operation, with its number. */
  before: ((operation: number) => void) | undefined
  #operations = 0

  fail(fault: Fault): void {
    this.#faults.push({ fault, seen: 0, left: fault.times ?? 1 })
  }

  repair(): void {
    this.#faults = []
    this.space = Number.POSITIVE_INFINITY
  }

  /** The disk after a power loss. `random` decides which unsynced changes survive. */
  afterPowerLoss(random: () => number): FakeDisk {
    const disk = new FakeDisk()
    disk.#root = restore(this.#root, random, new Map()) as FolderNode
    return disk
  }

  /** The disk after a crash of the writing process: nothing is lost, but nothing more is synced. */
  afterCrash(): FakeDisk {
    const disk = new FakeDisk()
    disk.#root = cloneNode(this.#root, new Map()) as FolderNode
    return disk
  }

  /** A disk with the same content, all durable. */
  copy(): FakeDisk {
    const disk = new FakeDisk()
    for (const path of this.paths()) disk.put(path, this.content(path))
    return disk
  }

  /** The paths of all files. */
  paths(): string[] {
    const walk = (folder: FolderNode, path: string): string[] =>
      [...folder.live].flatMap(([name, node]) =>
        node.kind === 'folder' ? walk(node, `${path}/${name}`) : [`${path}/${name}`],
      )
    return walk(this.#root, '').sort()
  }

  content(path: string): Buffer {
    return (this.#find(path) as FileNode).live
  }

  /** Creates a durable file, with its folders. */
  put(path: string, content: Uint8Array | string): void {
    const { folder, name } = this.#makeParents(path)
    const bytes = Buffer.from(content as string)
    const node: FileNode = { kind: 'file', id: newId(), live: bytes, durable: bytes, pending: [] }
    folder.live.set(name, node)
    folder.durable.set(name, node)
  }

  /** Creates something that is neither file nor folder. */
  putLink(path: string): void {
    const { folder, name } = this.#makeParents(path)
    folder.live.set(name, { kind: 'other', id: newId() })
  }

  remove(path: string): void {
    const { folder, name } = this.#parent(path)
    folder.live.delete(name)
  }

  async open(path: string, how: 'read' | 'write' | 'create'): Promise<OpenFile> {
    await this.#enter('open', path)
    const { folder, name } = this.#parent(path)
    let node = folder.live.get(name)
    if (how === 'create') {
      if (node) throw systemError('EEXIST', 'open', path)
      node = { kind: 'file', id: newId(), live: Buffer.alloc(0), durable: Buffer.alloc(0), pending: [] }
      change(folder, { added: name, node })
    }
    if (node === undefined) throw systemError('ENOENT', 'open', path)
    if (node.kind === 'folder') throw systemError('EISDIR', 'open', path)
    if (node.kind === 'other') throw systemError('ELOOP', 'open', path)
    return this.#opened(node, path)
  }

  async lstat(path: string): Promise<FileFacts | undefined> {
    await null
    const node = this.#find(path)
    return node && factsOf(node)
  }

  async readdir(path: string): Promise<string[]> {
    await null
    return [...this.#folder(path).live.keys()]
  }

  async mkdir(path: string): Promise<void> {
    await this.#enter('mkdir', path)
    const { folder, name } = this.#parent(path)
    if (!folder.live.has(name)) change(folder, { added: name, node: folderNode() })
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#enter('rename', from)
    const source = this.#parent(from)
    const target = this.#parent(to)
    const node = source.folder.live.get(source.name)
    if (node === undefined) throw systemError('ENOENT', 'rename', from)
    if (source.folder === target.folder)
      return change(source.folder, { removed: source.name, added: target.name, node })
    change(target.folder, { added: target.name, node })
    change(source.folder, { removed: source.name })
  }

  async unlink(path: string): Promise<void> {
    await this.#enter('unlink', path)
    const { folder, name } = this.#parent(path)
    const node = folder.live.get(name)
    if (node === undefined) throw systemError('ENOENT', 'unlink', path)
    if (node.kind === 'file') this.space += node.live.length
    change(folder, { removed: name })
  }

  async rmdir(path: string): Promise<void> {
    await null
    if (this.#folder(path).live.size > 0) throw systemError('ENOTEMPTY', 'rmdir', path)
    const { folder, name } = this.#parent(path)
    change(folder, { removed: name })
  }

  async realpath(path: string): Promise<string> {
    await null
    this.#folder(path)
    return path
  }

  async syncFolder(path: string): Promise<void> {
    const folder = this.#folder(path)
    try {
      await this.#enter('syncFolder', path)
    } catch (error) {
      folder.pending = []
      throw error
    }
    folder.durable = new Map(folder.live)
    folder.pending = []
  }

  async lockFolder(path: string): Promise<(() => Promise<void>) | undefined> {
    await null
    const { id } = this.#folder(path)
    if (this.#locked.has(id)) return undefined
    this.#locked.add(id)
    return async () => void this.#locked.delete(id)
  }

  /** Simulates the death of the process that owns them. */
  releaseLocks(): void {
    this.#locked.clear()
  }

  #opened(node: FileNode, path: string): OpenFile {
    const sync = async (operation: 'fsync' | 'fdatasync'): Promise<void> => {
      try {
        await this.#enter(operation, path)
      } catch (error) {
        // As on Linux: pages that could not be written count as clean, and are never written again.
        node.pending = []
        throw error
      }
      node.durable = node.live
      node.pending = []
    }
    return {
      read: async (into, position) => {
        await this.#enter('read', path)
        return node.live.copy(into, 0, position, position + into.length)
      },
      write: async (from, position) => this.#write(node, path, from, position),
      fsync: () => sync('fsync'),
      fdatasync: () => sync('fdatasync'),
      truncate: async bytes => {
        await this.#enter('truncate', path)
        this.space += Math.max(0, node.live.length - bytes)
        changeFile(node, content => resize(content, bytes))
      },
      stat: async () => factsOf(node),
      close: async () => {},
    }
  }

  async #write(node: FileNode, path: string, from: Uint8Array, position: number): Promise<number> {
    const leave = (size: number): void => {
      const bytes = Buffer.from(from.subarray(0, size))
      this.space -= Math.max(0, position + size - node.live.length)
      if (size > 0) changeFile(node, (content, torn) => overlay(content, bytes, position, torn))
    }
    try {
      await this.#enter('write', path)
    } catch (error) {
      leave(Math.min((error as { leaves?: number }).leaves ?? 0, from.length))
      throw error
    }
    const size = Math.min(from.length, this.largestWrite, this.space)
    if (size <= 0) throw systemError('ENOSPC', 'write', path)
    leave(size)
    return size
  }

  async #enter(operation: Operation, path: string): Promise<void> {
    await null
    this.before?.(++this.#operations)
    this.counts[operation] = (this.counts[operation] ?? 0) + 1
    for (const entry of this.#faults) {
      const { on, code, path: end = '', nth = 1, leaves } = entry.fault
      if (on !== operation || !path.endsWith(end) || entry.left === 0) continue
      entry.seen++
      if (entry.seen < nth) continue
      entry.left--
      throw Object.assign(systemError(code, operation, path), { leaves })
    }
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root
    for (const name of path.split('/').filter(Boolean)) node = node?.kind === 'folder' ? node.live.get(name) : undefined
    return node
  }

  #folder(path: string): FolderNode {
    const node = this.#find(path)
    if (node?.kind !== 'folder') throw systemError(node ? 'ENOTDIR' : 'ENOENT', 'scandir', path)
    return node
  }

  #parent(path: string): { folder: FolderNode; name: string } {
    return { folder: this.#folder(posix.dirname(path)), name: posix.basename(path) }
  }

  #makeParents(path: string): { folder: FolderNode; name: string } {
    let folder = this.#root
    for (const name of posix.dirname(path).split('/').filter(Boolean)) {
      const next = (folder.live.get(name) as FolderNode | undefined) ?? folderNode()
      folder.live.set(name, next)
      folder.durable.set(name, next)
      folder = next
    }
    return { folder, name: posix.basename(path) }
  }
}

let ids = 0
const newId = (): string => `1:${++ids}`

function folderNode(): FolderNode {
  return { kind: 'folder', id: newId(), live: new Map(), durable: new Map(), pending: [] }
}

function systemError(code: string, operation: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${operation} '${path}'`), { code })
}

function factsOf(node: Node): FileFacts {
  return { kind: node.kind, bytes: node.kind === 'file' ? node.live.length : 0, id: node.id }
}

function change(folder: FolderNode, step: Renaming): void {
  apply(folder.live, step)
  folder.pending.push(step)
}

function apply(names: Map<string, Node>, { removed, added, node }: Renaming): void {
  if (removed !== undefined) names.delete(removed)
  if (added !== undefined && node) names.set(added, node)
}

function changeFile(node: FileNode, step: (content: Buffer, torn: Torn) => Buffer): void {
  node.live = step(node.live, () => false)
  node.pending.push(step)
}

function resize(content: Buffer, bytes: number): Buffer {
  const next = Buffer.alloc(bytes)
  content.copy(next, 0, 0, bytes)
  return next
}

/** Writes sector by sector, as a disk does. A torn sector keeps its content, or is zero where the file grew. */
function overlay(content: Buffer, bytes: Buffer, position: number, torn: Torn): Buffer {
  const next = resize(content, Math.max(content.length, position + bytes.length))
  for (let at = position; at < position + bytes.length; ) {
    const end = Math.min(position + bytes.length, (Math.floor(at / SECTOR) + 1) * SECTOR)
    if (!torn()) bytes.copy(next, at, at - position, end - position)
    at = end
  }
  return next
}

/** A node and everything below it after a power loss. A node with two names stays one node. */
function restore(node: Node, random: () => number, done: Map<Node, Node>): Node {
  const known = done.get(node)
  if (known || node.kind === 'other') return known ?? node
  const left = node.kind === 'folder' ? restoreFolder(node, random, done) : restoreFile(node, random)
  done.set(node, left)
  return left
}

function restoreFolder(folder: FolderNode, random: () => number, done: Map<Node, Node>): FolderNode {
  const names = new Map(folder.durable)
  for (const step of folder.pending) if (random() < 0.5) apply(names, step)
  const left = new Map([...names].map(([name, node]) => [name, restore(node, random, done)]))
  return { ...folderNode(), live: left, durable: new Map(left) }
}

function restoreFile(file: FileNode, random: () => number): FileNode {
  const tearing = random() < 0.5
  let content = file.durable
  for (const step of file.pending) if (random() < 0.5) content = step(content, () => tearing && random() < 0.5)
  return { kind: 'file', id: newId(), live: content, durable: content, pending: [] }
}

function cloneNode(node: Node, done: Map<Node, Node>): Node {
  const known = done.get(node)
  if (known || node.kind === 'other') return known ?? node
  if (node.kind === 'file') {
    const clone = { ...node, pending: [...node.pending] }
    done.set(node, clone)
    return clone
  }
  const clone: FolderNode = { ...folderNode(), pending: [] }
  done.set(node, clone)
  for (const [name, each] of node.live) clone.live.set(name, cloneNode(each, done))
  for (const [name, each] of node.durable) clone.durable.set(name, cloneNode(each, done))
  for (const step of node.pending)
    clone.pending.push({ ...step, ...(step.node && { node: cloneNode(step.node, done) }) })
  return clone
}
