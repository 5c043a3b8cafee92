import { standing } from './report.js'
import type { KeptRun, RunList } from './stored-runs.js'
import { tableLines } from './table.js'
import { type Line, type Part, styled } from './terminal.js'
import { dollars, moment, wrap } from './text.js'

/** The stored runs, the latest first. */
export function runListLines({ runs, unreadable }: RunList, out: string, width: number): Line[] {
  if (runs.length + unreadable.length === 0) return [`no runs in ${out} yet; npm start starts one`]
  const columns = [
    { title: 'run' },
    { title: 'name', least: 8, leftOut: 1 },
    { title: 'state' },
    { title: 'done', align: 'right' },
    { title: 'started', leftOut: 2 },
    { title: 'cost', align: 'right' },
  ] as const
  return [
    ...(runs.length > 0 ? tableLines(columns, runs.map(runRow), width) : []),
    ...unreadable.flatMap(({ runId, why }) => wrap(`${runId} cannot be read. ${why}`, width)),
  ]
}

function runRow(run: KeptRun): Part[] {
  const style = run.outcome === 'completed' ? 'good' : run.outcome === undefined ? 'doubtful' : 'bad'
  return [
    run.runId,
    run.title,
    styled(style, standing(run)),
    `${run.succeeded} of ${run.total}`,
    moment(run.startedAt),
    dollars(run.costUsd),
  ]
}
