import { serve } from './agent.js'
import { audit } from './audit.js'

/** The agent program of the pool `security`: for any task, it audits the work of earlier tasks. */
await serve(() => audit)
