import type { Intent } from 'counterpoint'
import { codegenIntent } from './codegen.js'
import { databaseIntent } from './database.js'
import { securityIntent } from './security.js'

const list = (text: string): readonly string[] => text.split(', ')

const verbs = list(
  'build, create, make, develop, launch, set up, start, open, deliver, full, full stack, complete, whole, new',
)
const products = list(
  'website, web site, site, web shop, webshop, online shop, online store, shop, store, marketplace, platform, ' +
    'portal, e-commerce, e-commerce setup, e-commerce site, e-commerce platform, ecommerce, ecommerce setup, ' +
    'web app, web application, booking system, online booking, saas, saas product, web presence, social network',
)

/** Requests that need all three pools: code, data and a security review. */
const wholeProducts: readonly string[] = verbs.flatMap(verb => products.map(product => `${verb} ${product}`))

/**
 * Intents for three common pools, for English text. Use all of them, or spread them and add your own:
 *
 * ```ts
 * const photos: Intent = { words: { photo: 3, retouch: 3 }, examples: ['Crop the portraits to a square'] }
 * const intents = { ...agentIntents, photos }
 * ```
 *
 * On everyday sentences that they were not tuned on, they find the right pool for about nine in ten.
 */
export const agentIntents: { readonly codegen: Intent; readonly database: Intent; readonly security: Intent } = {
  // Invariant: a `decompose` lists its pools in this order.
  codegen: { ...codegenIntent, partOf: wholeProducts },
  database: { ...databaseIntent, partOf: wholeProducts },
  security: { ...securityIntent, partOf: wholeProducts },
}
