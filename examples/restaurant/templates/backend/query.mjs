/**
 * Runs a query on tables in memory. The language is the part of PostgreSQL that the server needs:
 * `SELECT * FROM table WHERE column = 'text' AND column ~* 'text' OR ...`, where `~*` finds a text in any case.
 */
export function select(tables, sql) {
  const tokens = sql.match(/'(?:[^']|'')*'|~\*|\w+|\S/g) ?? []
  for (const word of ['SELECT', '*', 'FROM']) expect(tokens, word)
  const table = tables[tokens.shift()]
  expect(tokens, 'WHERE')
  const matches = either(tokens)
  if (tokens.length > 0) throw new Error(`syntax error at or near "${tokens[0]}"`)
  return table.filter(matches)
}

/** OR binds weaker than AND. */
function either(tokens) {
  const choices = [both(tokens)]
  while (take(tokens, 'OR')) choices.push(both(tokens))
  return row => choices.some(matches => matches(row))
}

function both(tokens) {
  const conditions = [comparison(tokens)]
  while (take(tokens, 'AND')) conditions.push(comparison(tokens))
  return row => conditions.every(matches => matches(row))
}

function comparison(tokens) {
  const left = operand(tokens)
  const operator = tokens.shift()
  const right = operand(tokens)
  if (operator === '=') return row => left(row) === right(row)
  if (operator === '~*') return row => left(row).toLowerCase().includes(right(row).toLowerCase())
  throw new Error(`syntax error at or near "${operator}"`)
}

function operand(tokens) {
  const token = tokens.shift() ?? ''
  if (token.length > 1 && token.startsWith("'")) return () => token.slice(1, -1).replaceAll("''", "'")
  if (/^\w+$/.test(token)) return row => String(row[token])
  throw new Error(`syntax error at or near "${token}"`)
}

function take(tokens, word) {
  const found = tokens[0]?.toUpperCase() === word
  if (found) tokens.shift()
  return found
}

function expect(tokens, word) {
  if (!take(tokens, word)) throw new Error(`syntax error: expected ${word}`)
}
