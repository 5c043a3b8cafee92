import { CounterpointError, decide, emptyState, type Journal, type JournalRecord, type Json, type OpenJournal } from 'counterpoint'
import { type ConformanceCase, must, type Pass, realTime, settlesWithin, shown } from './conformance.js'
