import { codegenIntent } from './codegen-intent.js'
import { databaseIntent } from './database-intent.js'
import type { Intent } from './intent.js'
import { securityIntent } from './security-intent.js'

const MAKING: readonly string[] =
  'build, create, make, develop, launch, set up, start, open, deliver, full, full stack, complete, whole, entire, new'.split(
    ', ',
  )
const THINGS: readonly string[] = (
  'website, web site, site, web shop, webshop, online shop, online store, shop, store, e-commerce, ecommerce, e-commerce setup, ' +
  'ecommerce setup, e-commerce site, e-commerce platform, marketplace, platform, portal, web app, web application, booking system, ' +
  'online booking, saas, saas product, web presence, social network'
).split(', ')

/** Things that no single one of the three pools can build: each takes code, data and somebody who looks for holes. */
const wholeProducts: readonly string[] = MAKING.flatMap(making => THINGS.map(thing => `${making} ${thing}`))

/**
 * Intents for three common pools. Take them all, or spread one and add to it:
 *
 * ```ts
 * const { codegen } = agentIntents
 * const intents = { ...agentIntents, codegen: { ...codegen, examples: [...(codegen.examples ?? []), 'Retouch the product photos'] } }
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
