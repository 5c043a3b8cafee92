import type { Budget, Estimate } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { type AdmissionTerms, admit, prefersCheapest, softNotices } from '../../../src/core/budget/admission.js'
import type { BudgetScope, ScopedAccount } from '../../../src/core/budget/budget.js'
import { openAccount, reserve, settle } from '../../../src/core/budget/budget.js'

/** An account of which `settled` has been used, and `reserved` is reserved. */
function accountOf(
  scope: BudgetScope,
  budget: Budget,
  settled: Required<Estimate>,
  reserved: Estimate = {},
): ScopedAccount {
  const account = openAccount(budget)
  settle(account, undefined, settled, 0)
  reserve(account, reserved)
  return { scope, account }
}

const NOTHING = { costUsd: 0, tokens: 0 }
const TERMS: AdmissionTerms = { degraded: false }

describe.each<BudgetScope>(['orchestrator', 'run', 'pool', 'task'])('the budget of a %s', scope => {
  test.each<[string, Budget, Required<Estimate>, Estimate, AdmissionTerms, string | undefined]>([
    ['admits what fits', { costUsd: 3 }, NOTHING, { costUsd: 2 }, TERMS, undefined],
    ['makes a request wait for reservations', { costUsd: 3 }, NOTHING, { costUsd: 3 }, TERMS, 'wait'],
    [
      'does not wait where that is useless',
      { costUsd: 3 },
      NOTHING,
      { costUsd: 3 },
      { degraded: false, canWait: false },
      'stop',
    ],
    ['stops when it is used up', { costUsd: 3 }, { costUsd: 3, tokens: 0 }, {}, TERMS, 'stop'],
    ['holds with onHard hold', { costUsd: 3, onHard: 'hold' }, { costUsd: 3, tokens: 0 }, {}, TERMS, 'hold'],
    ['degrades before it waits', { costUsd: 3, onHard: 'degrade' }, NOTHING, { costUsd: 3 }, TERMS, 'degrade'],
    ['then waits', { costUsd: 3, onHard: 'degrade' }, NOTHING, { costUsd: 3 }, { degraded: true }, 'wait'],
    [
      'admits an exempt attempt',
      { costUsd: 3 },
      { costUsd: 9, tokens: 0 },
      {},
      { degraded: false, exempt: true },
      undefined,
    ],
    [
      'stops when one measure may fit later and another never does',
      { costUsd: 3, tokens: 10 },
      { costUsd: 0, tokens: 10 },
      { costUsd: 3 },
      TERMS,
      'stop',
    ],
  ])('%s', (_title, budget, settled, reserved, terms, action) => {
    const account = accountOf(scope, budget, settled, reserved)
    expect(admit([account], { costUsd: 1, tokens: 1 }, terms)?.action).toBe(action)
  })

  test('prefers the cheapest backend from its soft bound on, reported or not', () => {
    const account = accountOf(scope, { costUsd: 10, onSoft: 'degrade' }, { costUsd: 8, tokens: 0 })
    expect(prefersCheapest([account], { costUsd: 1 })).toBe(true)
  })

  test('has a notice for each measure that has reached its soft bound', () => {
    const account = accountOf(scope, { costUsd: 1, tokens: 10 }, { costUsd: 0.7 + 0.2, tokens: 8 })
    expect(softNotices([account])).toEqual([
      { scope, level: 'soft', measure: 'costUsd', limit: 1, used: 0.9, action: 'tell' },
      { scope, level: 'soft', measure: 'tokens', limit: 10, used: 8, action: 'tell' },
    ])
  })
})
