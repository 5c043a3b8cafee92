import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { templatesFolder } from '../paths.js'
import type { Skill } from './agent.js'
import { deliver } from './files.js'
import { type Dish, dishes, restaurant } from './menu.js'

/** Builds the frontend: a page with the menu gallery and the booking form, its style and its script. */
export const frontend: Skill = {
  seconds: 60,
  usage: { inputTokens: 9_000, outputTokens: 22_000, costUsd: 0.72 },
  async work(_assignment, workshop) {
    await workshop.reached(0.1, 'planning the pages')
    const page = (await template('index.html')).replaceAll('Restaurant', restaurant.name)
    const delivery = await deliver(workshop, 'frontend', [
      {
        name: 'index.html',
        text: page.replace('<!-- dishes -->', () => gallery(dishes)),
        message: 'menu gallery and booking form',
      },
      { name: 'style.css', text: await template('style.css'), message: 'styles for phone and desktop' },
      { name: 'app.js', text: await template('app.js'), message: 'search, booking and payment calls' },
    ])
    return { kind: 'frontend', ...delivery, entry: 'index.html', calls: ['GET /api/menu', 'POST /api/bookings'] }
  },
}

/** The menu as cards, so that the page works before its script has run, and without a server. */
export function gallery(all: readonly Dish[]): string {
  const shown = all.filter(dish => !dish.hidden)
  return shown.map(card).join('\n      ')
}

function card({ name, description, priceCents }: Dish): string {
  const price = (priceCents / 100).toFixed(2)
  return `<li><h3>${escapeHtml(name)}</h3><p>${escapeHtml(description)}</p><strong>€ ${price}</strong></li>`
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}

function template(name: string): Promise<string> {
  return readFile(join(templatesFolder, 'frontend', name), 'utf8')
}
