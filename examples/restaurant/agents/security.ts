import { serve } from './agent.js'
import { audit } from './audit.js'

/** The agent program of the pool `security`: whatever it is asked, it audits what was built before. */
await serve(() => audit)
