import type { Probe } from './probes.js'
import { refused } from './target.js'

const CARD = '4111111111111111'

/** Attacks that even a first version should withstand, each with its fix. */
export const checks: readonly Probe[] = [
  {
    id: 'payment-amount',
    topics: ['payment_security'],
    assurance: 'Payments with a wrong amount are refused',
    finding: {
      severity: 'critical',
      title: 'The payer chooses the amount',
      where: 'POST /api/payments',
      fix: 'Compare the amount with the total of the order on the server',
    },
    async run(target) {
      const { status } = await target.post('/api/payments', { orderId: '1', amountCents: '1', card: CARD })
      return { holds: refused(status), evidence: `€ 0.01 for an order of € 29.80: ${status}` }
    },
  },
  {
    id: 'payment-injection',
    topics: ['owasp_top_10', 'sql_injection', 'payment_security'],
    assurance: 'Order numbers in payments are parsed as numbers',
    finding: {
      severity: 'critical',
      title: 'SQL injection possible in payments',
      where: 'POST /api/payments',
      fix: 'Parse the order number before it is used',
    },
    async run(target) {
      const { status } = await target.post('/api/payments', {
        orderId: "1' OR '1'='1",
        amountCents: '2980',
        card: CARD,
      })
      return { holds: refused(status), evidence: `orderId=1' OR '1'='1: ${status}` }
    },
  },
  {
    id: 'card-number',
    topics: ['owasp_top_10', 'payment_security'],
    assurance: 'The card number is not returned',
    finding: {
      severity: 'high',
      title: 'The card number is stored and returned',
      where: 'POST /api/payments',
      fix: 'Keep the last four digits only',
    },
    async run(target) {
      const { status, text } = await target.post('/api/payments', { orderId: '1', amountCents: '2980', card: CARD })
      return { holds: !text.includes(CARD), evidence: `an accepted payment: ${status} ${text}` }
    },
  },
  {
    id: 'path-traversal',
    topics: ['owasp_top_10'],
    assurance: 'Path traversal is prevented',
    finding: {
      severity: 'critical',
      title: 'Files of the server can be read by path traversal',
      where: 'GET /..%2f',
      fix: 'Serve a list of known names',
    },
    async run(target) {
      const { status, text } = await target.get('/..%2fbackend%2fserver.mjs')
      return {
        holds: status >= 400 && !text.includes('createServer'),
        evidence: `GET /..%2fbackend%2fserver.mjs: ${status}`,
      }
    },
  },
  {
    id: 'method-check',
    topics: ['owasp_top_10'],
    assurance: 'Unsupported methods are refused',
    finding: {
      severity: 'low',
      title: 'Unexpected methods are accepted',
      where: 'DELETE /api/bookings',
      fix: 'Answer 405 with Allow',
    },
    async run(target) {
      const { status, headers } = await target.send('DELETE', '/api/bookings')
      return { holds: status === 405, evidence: `DELETE /api/bookings: ${status}, allow: ${headers.get('allow')}` }
    },
  },
  {
    id: 'security-headers',
    topics: ['owasp_top_10'],
    assurance: 'Responses forbid type sniffing and framing',
    finding: {
      severity: 'medium',
      title: 'Security headers missing',
      where: 'every response',
      fix: 'Send X-Content-Type-Options: nosniff and X-Frame-Options: DENY',
    },
    async run(target) {
      const { headers } = await target.get('/reviews')
      const sent = ['x-content-type-options', 'x-frame-options'].map(name => `${name}: ${headers.get(name)}`)
      return { holds: !sent.some(line => line.endsWith('null')), evidence: sent.join(', ') }
    },
  },
  {
    id: 'body-limit',
    topics: ['owasp_top_10'],
    assurance: 'Large bodies are refused',
    finding: {
      severity: 'medium',
      title: 'Bodies of any size are read into memory',
      where: 'POST /api/reviews',
      fix: 'Limit the size of a body and answer 413',
    },
    async run(target) {
      const { status } = await target.post('/api/reviews', {
        author: 'Mallory',
        stars: '1',
        comment: 'x'.repeat(100_000),
      })
      return { holds: status === 413, evidence: `a review of 100 KB: ${status}` }
    },
  },
]
