import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { select } from './query.mjs'

// The deliberately vulnerable first version of the example. It listens on loopback only, and exits by itself.
const LONGEST_LIFE_MS = 10 * 60_000
const LARGEST_BODY_BYTES = 64 * 1024
const tables = JSON.parse(readFileSync(new URL('data.json', import.meta.url), 'utf8'))

const routes = {
  '/api/menu': { GET: searchMenu },
  '/book': { GET: bookingForm },
  '/api/bookings': { POST: book },
  '/api/orders': { POST: order },
  '/api/payments': { POST: pay },
  '/reviews': { GET: reviewsPage },
  '/api/reviews': { POST: addReview },
}

/** The files of the frontend folder. Only these names are served, so request paths never reach the disk. */
const pages = { '/': 'index.html', '/index.html': 'index.html', '/style.css': 'style.css', '/app.js': 'app.js' }
const types = { html: 'text/html', css: 'text/css', js: 'text/javascript' }

function searchMenu({ url }) {
  const term = url.searchParams.get('search') ?? ''
  const dishes = select(tables, `SELECT * FROM menus WHERE hidden = 'false' AND name ~* '${term}'`)
  return json(200, { dishes })
}

function bookingForm() {
  const inputs = ['guest', 'day', 'hour', 'party'].map(name => `<label>${name} <input name="${name}"></label>`)
  const form = `<form method="post" action="/api/bookings">${inputs.join('')}<button>Book</button></form>`
  return html(form, { 'set-cookie': `session=${crypto.randomUUID()}; Path=/; HttpOnly` })
}

function book({ fields, cookie }) {
  const { guest = '', day = '', hour = '' } = fields
  const party = Number(fields.party)
  if (!cookie.includes('session=')) return json(401, { error: 'open the booking form first' })
  if (guest.trim() === '' || !/^\d{4}-\d\d-\d\d$/.test(day) || !/^\d\d:\d\d$/.test(hour))
    return json(400, { error: 'a booking needs guest, day (2026-12-31) and hour (19:30)' })
  if (!(Number.isInteger(party) && party >= 1 && party <= 12)) return json(400, { error: 'a party is 1 to 12 guests' })
  return json(201, insert('bookings', { restaurant_id: 1, guest, day, hour, party }))
}

function order({ fields }) {
  const wanted = (fields.dishes ?? '').split(',').map(Number)
  const dishes = wanted.map(id => tables.menus.find(dish => dish.id === id && !dish.hidden))
  if (dishes.includes(undefined)) return json(400, { error: 'dishes are ids from the menu: 1,4,4' })
  const total_cents = dishes.reduce((sum, dish) => sum + dish.price_cents, 0)
  return json(201, insert('orders', { restaurant_id: 1, booking_id: null, total_cents, status: 'open' }))
}

function pay({ fields }) {
  const { card = '' } = fields
  const open = tables.orders.find(candidate => candidate.id === Number(fields.orderId) && candidate.status === 'open')
  if (!open) return json(404, { error: 'no open order of that id' })
  if (Number(fields.amountCents) !== open.total_cents)
    return json(422, { error: 'the amount is not the total of the order' })
  if (!/^4\d{15}$/.test(card)) return json(402, { error: 'card declined' })
  open.status = 'paid'
  const paid = insert('payments', { order_id: open.id, amount_cents: open.total_cents, card_last4: card.slice(-4) })
  return json(201, paid)
}

function reviewsPage() {
  const items = tables.reviews.map(review => `<li>${review.stars} stars by ${review.author}: ${review.comment}</li>`)
  return html(`<h1>Reviews</h1><ul>${items.join('')}</ul>`)
}

function addReview({ fields }) {
  const stars = Number(fields.stars)
  if (!fields.author || !fields.comment || !(stars >= 1 && stars <= 5))
    return json(400, { error: 'a review needs author, comment and 1 to 5 stars' })
  return json(201, insert('reviews', { restaurant_id: 1, author: fields.author, stars, comment: fields.comment }))
}

function insert(table, row) {
  const made = { id: tables[table].length + 1, ...row }
  tables[table].push(made)
  return made
}

async function answer(request) {
  const url = new URL(request.url, 'http://localhost')
  if (request.method === 'GET' && Object.hasOwn(pages, url.pathname)) return page(pages[url.pathname])
  const route = Object.hasOwn(routes, url.pathname) ? routes[url.pathname] : undefined
  if (!route) return json(404, { error: 'nothing here' })
  if (!Object.hasOwn(route, request.method))
    return json(405, { error: `use ${Object.keys(route)}` }, { allow: Object.keys(route).join(', ') })
  const body = await read(request)
  if (body === undefined) return json(413, { error: `a body has at most ${LARGEST_BODY_BYTES} bytes` })
  const fields = parse(body, request.headers['content-type'] ?? '')
  if (!fields) return json(400, { error: 'the body is neither a form nor a JSON object' })
  return route[request.method]({ url, fields, cookie: request.headers.cookie ?? '' })
}

/** Reads the whole body, so that a response can be sent, but keeps no more than the limit. */
async function read(request) {
  const chunks = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes <= LARGEST_BODY_BYTES) chunks.push(chunk)
  }
  return bytes <= LARGEST_BODY_BYTES ? Buffer.concat(chunks).toString() : undefined
}

function parse(body, type) {
  if (!type.includes('json')) return Object.fromEntries(new URLSearchParams(body))
  try {
    const value = JSON.parse(body)
    if (typeof value !== 'object' || value === null) return undefined
    return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, String(field)]))
  } catch {
    return undefined
  }
}

function page(name) {
  try {
    const body = readFileSync(new URL(`../frontend/${name}`, import.meta.url), 'utf8')
    return { status: 200, headers: { 'content-type': types[name.split('.')[1]] }, body }
  } catch {
    return json(404, { error: 'the frontend is not built yet' })
  }
}

function html(content, headers = {}) {
  const body = `<!doctype html><meta charset="utf-8"><title>Delhi Palace</title>${content}`
  return { status: 200, headers: { 'content-type': 'text/html; charset=utf-8', ...headers }, body }
}

function json(status, value, headers = {}) {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) }
}

const server = createServer(async (request, response) => {
  const { status, headers, body } = await answer(request).catch(error => json(500, { error: error.message }))
  response.writeHead(status, { 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', ...headers }).end(body)
})

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address()
  console.log(JSON.stringify({ port, url: `http://127.0.0.1:${port}/` }))
})

// The parent process holds stdin open: when it closes, the parent has ended, and the server exits.
process.stdin.resume().on('close', () => process.exit())
setTimeout(() => process.exit(), LONGEST_LIFE_MS)
