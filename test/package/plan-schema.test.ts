import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { planSchema } from '../../src/plan/plan-schema.js'
import { ROOT } from './source-tree.js'

const path = join(ROOT, 'src/plan/plan.schema.json')

/** Draft 7, which editors support best. */
function generate(): string {
  const { $schema, ...schema } = z.toJSONSchema(planSchema(), { io: 'input', target: 'draft-7' })
  const head = { $schema, title: 'Plan', description: 'Tasks and their dependencies, for Counterpoint.' }
  return `${JSON.stringify({ ...head, ...schema }, null, 2)}\n`
}

describe('plan.schema.json', () => {
  it('matches the rules of parsePlan (to regenerate it, run this test with UPDATE=1)', () => {
    const text = generate()
    if (process.env.UPDATE === '1') writeFileSync(path, text)
    expect(readFileSync(path, 'utf8')).toBe(text)
  })

  it('has a description for every member', () => {
    const { properties } = JSON.parse(readFileSync(path, 'utf8'))
    const members = {
      ...properties,
      ...properties.tasks.items.properties,
      ...properties.tasks.items.properties.backoff.properties,
    }
    const undescribed = Object.entries(members).filter(
      ([, member]) => !(member as { description?: string }).description,
    )
    expect(undescribed).toEqual([])
  })
})
