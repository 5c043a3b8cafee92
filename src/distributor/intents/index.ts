import { codegenIntent } from './codegen.js'
import { databaseIntent } from './database.js'
import { securityIntent } from './security.js'
import type { Intent } from '../../pools/pool-intent.js'

const list = (text: string): readonly string[] => text.split(', ')

const making = list(
  'build, create, make, develop, launch, set up, start, open, deliver, full, full stack, complete, whole, new',
)
const things = list(
  'website, web site, site, web shop, webshop, online shop, online store, shop, store, marketplace, platform, ' +
    'portal, e-commerce, e-commerce setup, e-commerce site, e-commerce platform, ecommerce, ecommerce setup, ' +
    'web app, web application, booking system, online booking, saas, saas product, web presence, social network',
)

/** Things that no single one of the three pools can build: each takes code, data and somebody who looks for holes. */
const wholeProducts: readonly string[] = making.flatMap(verb => things.map(thing => `${verb} ${thing}`))

/**
 * Intents for three common pools. Take them all, or spread one and add to it:
 *
 * ```ts
 * const photos: Intent = { words: { photo: 3, retouch: 3 }, examples: ['Crop the portraits to a square'] }
 * const intents = { ...agentIntents, photos }
 * ```
 *
 * They read English. On everyday sentences that they were not made from they find the right pool for about nine in ten.
 */
export const agentIntents: { readonly codegen: Intent; readonly database: Intent; readonly security: Intent } = {
  // Invariant: this order is that of the pools of a `decompose`: what is built, what it stands on, who looks at it.
  codegen: { ...codegenIntent, partOf: wholeProducts },
  database: { ...databaseIntent, partOf: wholeProducts },
  security: { ...securityIntent, partOf: wholeProducts },
}
