export { processBackend } from './process-backend.js'
export { defaultEnv, jsonRequest, type ProcessOptions } from './process-options.js'
export type { TextOutput } from './output-reader.js'
export { fileJournal } from './journal/file-journal.js'
