const gallery = document.querySelector('#gallery')
const form = document.querySelector('#booking')

document.querySelector('#search').addEventListener('input', async event => {
  const answer = await fetch(`/api/menu?search=${encodeURIComponent(event.target.value)}`)
  if (answer.ok) gallery.replaceChildren(...(await answer.json()).dishes.map(card))
})

form.addEventListener('submit', async event => {
  event.preventDefault()
  const answer = await fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)) })
  const booking = await answer.json()
  form.querySelector('output').textContent = answer.ok ? `Your table is booked: number ${booking.id}` : booking.error
})

function card(dish) {
  const item = document.createElement('li')
  item.append(
    element('h3', dish.name),
    element('p', dish.description),
    element('strong', `€ ${(dish.price_cents / 100).toFixed(2)}`),
  )
  return item
}

function element(name, text) {
  const made = document.createElement(name)
  made.textContent = text
  return made
}
