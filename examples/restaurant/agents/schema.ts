import type { Skill } from './agent.js'
import { deliver } from './files.js'
import { type Table, tables } from './tables.js'

/** Designs the schema of the restaurant: `database/schema.sql`, for PostgreSQL. */
export const schema: Skill = {
  seconds: 45,
  usage: { inputTokens: 5_000, outputTokens: 9_000, costUsd: 0.31 },
  async work(_assignment, workshop) {
    await workshop.reached(0.2, `designing ${tables.map(table => table.name).join(', ')}`)
    await workshop.reached(0.4, 'indexes for every query of the website')
    const text = schemaSql(tables)
    const delivery = await deliver(workshop, 'database', [
      { name: 'schema.sql', text, message: 'wrote schema.sql with tables, indexes and policies' },
    ])
    return { kind: 'schema', dialect: 'postgres', ...delivery, tables: tables.map(describe) }
  },
}

/** The whole schema as SQL. Runs from top to bottom: no table refers to a later one. */
export function schemaSql(all: readonly Table[]): string {
  return ['-- The schema of the restaurant website (PostgreSQL, as Supabase runs it).', ...all.map(tableSql), ''].join(
    '\n\n',
  )
}

function tableSql(table: Table): string {
  const { name, columns, publicWhere } = table
  return [
    `create table ${name} (\n${columns.map(column => `  ${column}`).join(',\n')}\n);`,
    ...indexesOf(table).map(({ index, columns }) => `create index ${index} on ${name} (${columns});`),
    `alter table ${name} enable row level security;`,
    ...(publicWhere ? [`create policy "everyone reads ${name}" on ${name} for select using (${publicWhere});`] : []),
  ].join('\n')
}

function indexesOf(table: Table): { index: string; columns: string }[] {
  return table.indexes.map(columns => ({ index: `${table.name}_by_${columns.match(/\w+/g)!.join('_')}`, columns }))
}

function describe(table: Table): object {
  return {
    name: table.name,
    columns: table.columns.map(column => column.split(' ')[0]),
    indexes: indexesOf(table).map(({ index }) => index),
  }
}
