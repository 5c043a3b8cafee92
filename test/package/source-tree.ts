import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Module } from './import-rules.js'

/** The folder of package.json, with a trailing separator. */
export const ROOT: string = fileURLToPath(new URL('../../', import.meta.url))

/** The folders of `src/` outside the pure library: each is a subpath of the package, or its program. */
export const OUTSIDE: readonly string[] = ['intents', 'testing', 'node', 'http', 'otel', 'bullmq', 'cli']

/** All TypeScript modules below `src/`, sorted by path. */
export function sourceModules(): Module[] {
  const src = join(ROOT, 'src')
  const paths = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(path => path.endsWith('.ts'))
  return paths.sort().map(path => ({
    path: relative(src, join(src, path)).split(sep).join('/'),
    text: readFileSync(join(src, path), 'utf8'),
  }))
}

/** The modules that must run on every platform. */
export function pureModules(): Module[] {
  return sourceModules().filter(module => !OUTSIDE.includes(module.path.split('/')[0]!))
}
