import type { Severity } from './report.js'
import { refused, type Target } from './target.js'

/** The result of a probe. `holds`: the backend withstood it. */
export interface Observation {
  readonly holds: boolean
  readonly evidence: string
}

/** One attack, and the finding if it succeeds. */
export interface Probe {
  readonly id: string
  /** The topics of a required audit that it covers. */
  readonly topics: readonly string[]
  /** The message if it holds. */
  readonly assurance: string
  readonly finding: {
    readonly severity: Severity
    readonly title: string
    readonly where: string
    readonly fix: string
  }
  run(target: Target): Promise<Observation>
}

const INJECTION = "' OR '1'='1"
const STRANGER = 'https://stranger.example'
const CARD_TESTS = 30

/** Attacks that a first version typically does not withstand. */
export const attacks: readonly Probe[] = [
  {
    id: 'menu-search-injection',
    topics: ['owasp_top_10', 'sql_injection'],
    assurance: 'Menu search escapes quotes',
    finding: {
      severity: 'critical',
      title: 'SQL injection possible in menu search',
      where: 'GET /api/menu?search=',
      fix: 'Pass the search term as a parameter; never build a query by concatenation',
    },
    async run(target) {
      const honest = (await target.get('/api/menu')).json as { dishes: { name: string }[] }
      const { status, json } = await target.get(`/api/menu?search=${encodeURIComponent(INJECTION)}`)
      const leaked = ((json as typeof honest | undefined)?.dishes ?? []).filter(
        dish => !honest.dishes.some(({ name }) => name === dish.name),
      )
      const names = leaked.map(dish => dish.name).join(', ')
      if (leaked.length === 0)
        return { holds: status < 500, evidence: `search=${INJECTION}: ${status}, no hidden dish` }
      return {
        holds: false,
        evidence: `search=${INJECTION}: ${leaked.length} hidden and ${honest.dishes.length} public dishes: ${names}`,
      }
    },
  },
  {
    id: 'booking-csrf',
    topics: ['owasp_top_10', 'csrf'],
    assurance: 'Bookings from other sites are refused',
    finding: {
      severity: 'high',
      title: 'CSRF tokens missing on booking form',
      where: 'POST /api/bookings',
      fix: 'Add a session token to the form, refuse bookings without it, set SameSite on the cookie',
    },
    async run(target) {
      const form = await target.get('/book')
      const token = /<input[^>]*type="hidden"/.test(form.text)
      const fields = { guest: 'Mallory', day: '2030-01-01', hour: '19:30', party: '2' }
      const booked = await target.post('/api/bookings', fields, { origin: STRANGER, cookie: form.cookie })
      const evidence = [
        `the form has ${token ? 'a' : 'no'} token`,
        `a booking from ${STRANGER} with the guest's cookie: ${booked.status} ${booked.text}`,
      ].join('; ')
      return { holds: refused(booked.status), evidence }
    },
  },
  {
    id: 'payment-rate-limit',
    topics: ['owasp_top_10', 'payment_security'],
    assurance: 'Card testing is rate limited',
    finding: {
      severity: 'high',
      title: 'No rate limiting on payment endpoint',
      where: 'POST /api/payments',
      fix: 'Limit payment attempts per session and address, and answer 429 with Retry-After above the limit',
    },
    async run(target) {
      const fields = { orderId: '1', amountCents: '2980', card: '5000000000000000' }
      const statuses: number[] = []
      for (let i = 0; i < CARD_TESTS; i++) statuses.push((await target.post('/api/payments', fields)).status)
      const seen = [...new Set(statuses)].join(', ')
      const evidence = `${CARD_TESTS} payments in a row with a stolen card: answers ${seen}`
      return { holds: statuses.includes(429), evidence }
    },
  },
  {
    id: 'review-xss',
    topics: ['owasp_top_10', 'xss'],
    assurance: 'Reviews are escaped',
    finding: {
      severity: 'high',
      title: 'XSS in review comments',
      where: 'POST /api/reviews, shown by GET /reviews',
      fix: 'Escape author and comment in the page; send a Content-Security-Policy',
    },
    async run(target) {
      const script = '<script>steal(document.cookie)</script>'
      const sent = await target.post('/api/reviews', { author: 'Mallory', stars: '1', comment: script })
      const shown = (await target.get('/reviews')).text.includes(script)
      return {
        holds: !shown,
        evidence: `${script} as a comment: ${sent.status}; GET /reviews ${shown ? 'contains it unescaped' : 'escapes it'}`,
      }
    },
  },
]
