// Measures how long `import 'counterpoint'` takes, beside the import of its packages alone. `npm run import-time -- 40`: that many of each.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './up-to-date.js'

const text = readFileSync(join(ROOT, 'dist/index.js'), 'utf8')
const packages = [...text.matchAll(/^import .* from "(.+)";$/gm)].map(match => /** @type {string} */ (match[1]))
const rounds = Number(process.argv[2] ?? 20)

/** The time of the imports in a new process, in milliseconds, without the start of Node. @param {readonly string[]} names */
function timeOf(names) {
  const script = `
    const startedAt = performance.now()
    ${names.map(name => `await import('${name}')`).join('\n')}
    console.log(performance.now() - startedAt)`
  return Number(execFileSync(process.execPath, ['--input-type=module', '--eval', script], { cwd: ROOT }))
}

/** @param {number[]} values */
function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

const pairs = Array.from({ length: rounds + 1 }, () => ({
  all: timeOf(['counterpoint']),
  alone: timeOf(packages),
})).slice(1)
const all = median(pairs.map(pair => pair.all))
const alone = median(pairs.map(pair => pair.alone))
const ratio = median(pairs.map(pair => pair.all / pair.alone))
console.log(
  `import 'counterpoint' takes ${all.toFixed(1)} ms, ${packages.join(', ')} alone ${alone.toFixed(1)} ms: ${ratio.toFixed(2)} times (medians of ${rounds})`,
)
