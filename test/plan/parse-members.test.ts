import { parsePlan } from 'counterpoint'
import { describe, expect, it } from 'vitest'
import { RULES } from '../support/airflow.js'
import { badPaths, firstIssue, thrown } from './thrown.js'

const plan = (members: object): object => ({ tasks: [{ id: 'a', ...members }, { id: 'b' }] })
const parsed = (members: object): unknown => parsePlan(plan(members)).tasks[0]
const issue = (members: object): string => firstIssue(() => parsePlan(plan(members)))

describe('parsePlan', () => {
  it.each([
    [{ softAfter: ['b'] }, { softAfter: ['b'] }],
    [{ soft_after: ['b', 'b'] }, { softAfter: ['b'] }],
    [{ softAfter: [] }, {}],
    [{ orderAfter: ['b'] }, { orderAfter: ['b'] }],
    [{ order_after: ['b', 'b'] }, { orderAfter: ['b'] }],
    [{ order_after: [] }, {}],
    [{ trigger_rule: 'all_done' }, { triggerRule: 'all_done' }],
    [{ idleTimeoutMs: 1500 }, { idleTimeoutMs: 1500 }],
    [{ idle_timeout_ms: 1500 }, { idleTimeoutMs: 1500 }],
    [{ idleTimeoutSec: 1.1 }, { idleTimeoutMs: 1100 }],
    [{ idle_timeout_sec: 1.5 }, { idleTimeoutMs: 1500 }],
    [{ queueTimeoutMs: 2 ** 31 }, { queueTimeoutMs: 2 ** 31 }],
    [{ queue_timeout_ms: 7 }, { queueTimeoutMs: 7 }],
    [{ queueTimeoutSec: 7 }, { queueTimeoutMs: 7000 }],
    [{ queue_timeout_sec: 0.007 }, { queueTimeoutMs: 7 }],
    [{ totalTimeoutMs: 7 }, { totalTimeoutMs: 7 }],
    [{ total_timeout_ms: 7 }, { totalTimeoutMs: 7 }],
    [{ totalTimeoutSec: 86_400 }, { totalTimeoutMs: 86_400_000 }],
    [{ total_timeout_sec: 7 }, { totalTimeoutMs: 7000 }],
    [{ estimate: { costUsd: 0.25, tokens: 0 } }, { estimate: { costUsd: 0.25, tokens: 0 } }],
    [{ estimate: { cost_usd: 0.25 } }, { estimate: { costUsd: 0.25 } }],
    [{ estimate: {} }, { estimate: {} }],
    [{ budget: { cost_usd: 1, tokens: 2, wall_ms: 3 } }, { budget: { costUsd: 1, tokens: 2, wallMs: 3 } }],
    [{ budget: { costUsd: 0, wallMs: 0 } }, { budget: { costUsd: 0, wallMs: 0 } }],
    [
      { budget: { soft: 0.5, on_soft: 'degrade', on_hard: 'hold' } },
      { budget: { soft: 0.5, onSoft: 'degrade', onHard: 'hold' } },
    ],
    [{ budget: { onSoft: 'tell', onHard: 'stop' } }, { budget: { onSoft: 'tell', onHard: 'stop' } }],
    [{ replay: 'never' }, { replay: 'never' }],
    [{ replay: 'safe' }, { replay: 'safe' }],
    [{ approval: true }, { approval: true }],
    [{ approval: false }, { approval: false }],
  ])('reads %j as %j', (written, read) => expect(parsed(written)).toEqual({ id: 'a', description: 'a', ...read }))

  it.each(RULES)('reads the trigger rule %s', triggerRule =>
    expect(parsed({ triggerRule })).toEqual({ id: 'a', description: 'a', triggerRule }),
  )

  it('accepts the same task in all three kinds of dependencies', () => {
    const members = { after: ['b'], softAfter: ['b'], orderAfter: ['b'] }
    expect(parsed(members)).toEqual({ id: 'a', description: 'a', ...members })
  })

  it('freezes nested objects', () => {
    const task = parsed({ budget: { soft: 1 }, estimate: { tokens: 1 }, softAfter: ['b'], orderAfter: ['b'] }) as object
    for (const part of Object.values(task)) expect(Object.isFrozen(part)).toBe(true)
  })

  it.each([
    ['softAfter', ['b', null, { b: true }, 1]],
    ['order_after', ['b', null, { b: true }, 1]],
    ['triggerRule', ['all_succeeded', 'ALL_SUCCESS', '', null, 1, ['all_done']]],
    ['idleTimeoutMs', [0, -1, 2 ** 53, '5', null]],
    ['queue_timeout_sec', [0, -1, 1e300, '5']],
    ['totalTimeoutMs', [0, '5', true]],
    ['replay', ['maybe', true, null]],
    ['approval', ['yes', 1, null, 'true']],
    ['estimate', [1, [], 'expensive', null]],
    ['budget', [1, [], 'expensive', null]],
  ])('rejects as %s each of %j, with its path', (key, values) => {
    for (const value of values) expect(badPaths(() => parsePlan(plan({ [key]: value })))).toEqual([`tasks[0].${key}`])
  })

  it.each([
    [
      { triggerRule: 'all_succeeded' },
      `tasks[0].triggerRule: expected one of ${RULES.join(', ')} (default: all_success), got "all_succeeded"`,
    ],
    [
      { idleTimeoutMs: 0 },
      'tasks[0].idleTimeoutMs: expected a number of milliseconds above 0, to 2^53 - 1 (default: no limit), got 0',
    ],
    [
      { total_timeout_sec: -1 },
      'tasks[0].total_timeout_sec: expected a number of seconds above 0 (default: no limit), got -1',
    ],
    [{ replay: 'once' }, 'tasks[0].replay: expected "safe" (the default) or "never", got "once"'],
    [{ approval: 'yes' }, 'tasks[0].approval: expected true or false (the default), got "yes"'],
    [{ estimate: { costUsd: -1 } }, 'tasks[0].estimate.costUsd: expected a number of US dollars, 0 or more, got -1'],
    [{ estimate: { tokens: '9' } }, 'tasks[0].estimate.tokens: expected a number of tokens, 0 or more, got "9"'],
    [{ budget: { soft: 2 } }, 'tasks[0].budget.soft: expected a number from 0 to 1 (default: 0.8), got 2'],
    [
      { budget: { on_soft: 'stop' } },
      'tasks[0].budget.on_soft: expected "tell" (the default) or "degrade", got "stop"',
    ],
    [
      { budget: { onHard: 'tell' } },
      'tasks[0].budget.onHard: expected "stop" (the default), "degrade" or "hold", got "tell"',
    ],
    [{ budget: { wall_ms: -1 } }, 'tasks[0].budget.wall_ms: expected a number of milliseconds, 0 to 2^53 - 1, got -1'],
    [{ budget: 5 }, 'tasks[0].budget: expected an object, got 5'],
    [{ budget: { costUSD: 1 } }, 'tasks[0].budget.costUSD: unknown key (did you mean "costUsd"?)'],
    [{ estimate: { wallMs: 1 } }, 'tasks[0].estimate.wallMs: unknown key; expected one of costUsd, tokens, cost_usd'],
    [{ softAfer: ['b'] }, 'tasks[0].softAfer: unknown key (did you mean "softAfter"?)'],
    [
      { triggerRule: 'all_done', trigger_rule: 'all_done' },
      'tasks[0].trigger_rule: means the same as "triggerRule"; keep one of the two',
    ],
    [
      { budget: { onHard: 'hold', on_hard: 'hold' } },
      'tasks[0].budget.on_hard: means the same as "onHard"; keep one of the two',
    ],
    [
      { queueTimeoutMs: 1, queue_timeout_sec: 1 },
      'tasks[0].queue_timeout_sec: means the same as "queueTimeoutMs"; keep one of the two',
    ],
  ])('rejects %j with %j', (members, message) => expect(issue(members)).toBe(message))

  it('reports an invalid id with the name and index that the source has', () => {
    expect(issue({ soft_after: ['b', 7] })).toMatch(/^tasks\[0\]\.soft_after\[1\]: expected an id: .*, got 7$/)
    expect(issue({ orderAfter: [' b'] })).toMatch(/^tasks\[0\]\.orderAfter\[0\]: expected an id: .*, got " b"$/)
  })

  it('reports several members of a budget at once', () => {
    const budget = { costUsd: '1', tokens: -1, wallMs: null, soft: 1.1, onSoft: 1, onHard: 1 }
    expect(badPaths(() => parsePlan(plan({ budget })))).toEqual(
      Object.keys(budget).map(key => `tasks[0].budget.${key}`),
    )
  })

  it.each(['softAfter', 'orderAfter', 'soft_after', 'order_after'])('rejects unknown ids in %s', list => {
    const error = thrown('UNKNOWN_DEPENDENCY', () => parsePlan(plan({ [list]: ['bb'] })))
    expect(error.details).toEqual({ taskId: 'a', dependency: 'bb' })
  })

  it('rejects cycles of order-only dependencies, and a task that is its own soft dependency', () => {
    const ring = {
      tasks: [
        { id: 'a', order_after: ['b'] },
        { id: 'b', after: ['a'] },
      ],
    }
    expect(thrown('CYCLE', () => parsePlan(ring)).details.cycle).toEqual(['a', 'b', 'a'])
    expect(thrown('CYCLE', () => parsePlan(plan({ softAfter: ['a'] }))).details.cycle).toEqual(['a', 'a'])
    expect(() =>
      parsePlan({
        tasks: [
          { id: 'a', softAfter: ['b'] },
          { id: 'b', softAfter: ['a'] },
        ],
      }),
    ).not.toThrow()
  })
})
