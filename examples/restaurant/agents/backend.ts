import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { templatesFolder } from '../paths.js'
import { type Assignment, isRecord, outputOfKind, type Skill } from './agent.js'
import { deliver } from './files.js'
import { dishes, restaurant } from './menu.js'
import { tables } from './tables.js'

/**
 * Builds the backend: a server without dependencies, with bookings, menu search, payments and reviews.
 * It has the typical vulnerabilities of a first version, which the security agent finds by attacking it.
 */
export const backend: Skill = {
  seconds: 90,
  usage: { inputTokens: 14_000, outputTokens: 32_000, costUsd: 1.08 },
  async work(assignment, workshop) {
    const { tableNames, schemaFrom } = schemaOf(assignment)
    await workshop.reached(
      0.1,
      schemaFrom ? `using the schema of ${schemaFrom}` : 'no schema yet: assuming the usual tables',
    )
    const delivery = await deliver(workshop, 'backend', [
      { name: 'data.json', text: `${JSON.stringify(rows(tableNames), null, 2)}\n`, message: 'models for the tables' },
      { name: 'query.mjs', text: await template('query.mjs'), message: 'queries and menu search' },
      { name: 'server.mjs', text: await template('server.mjs'), message: 'booking API, payments, reviews' },
    ])
    return { kind: 'backend', ...delivery, start: 'server.mjs', routes, schemaFrom }
  },
}

const routes = [
  'GET /api/menu',
  'GET /book',
  'POST /api/bookings',
  'POST /api/orders',
  'POST /api/payments',
  'GET /reviews',
  'POST /api/reviews',
]

/** The tables of an existing schema; without one, those that the database agent will design. */
export function schemaOf(assignment: Assignment): { tableNames: string[]; schemaFrom: string | null } {
  const found = outputOfKind(assignment, 'schema')
  const listed = Array.isArray(found?.output.tables) ? found.output.tables : []
  const tableNames = listed.flatMap(table => (isRecord(table) && typeof table.name === 'string' ? [table.name] : []))
  if (!found || tableNames.length === 0) return { tableNames: tables.map(table => table.name), schemaFrom: null }
  return { tableNames, schemaFrom: found.taskId }
}

/** The rows that the server starts with, by table. */
function rows(tableNames: readonly string[]): Record<string, readonly object[]> {
  const restaurantId = restaurant.id
  return {
    ...Object.fromEntries(tableNames.map(name => [name, []])),
    restaurants: [restaurant],
    menus: dishes.map(({ id, name, description, priceCents, hidden }) => ({
      id,
      restaurant_id: restaurantId,
      name,
      description,
      price_cents: priceCents,
      hidden,
    })),
    bookings: [],
    orders: [{ id: 1, restaurant_id: restaurantId, booking_id: null, total_cents: 2_980, status: 'open' }],
    payments: [],
    reviews: [
      {
        id: 1,
        restaurant_id: restaurantId,
        author: 'Asha',
        stars: 5,
        comment: 'The lentils alone are worth the trip.',
      },
    ],
  }
}

function template(name: string): Promise<string> {
  return readFile(join(templatesFolder, 'backend', name), 'utf8')
}
