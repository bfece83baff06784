#!/usr/bin/env node

// The program `siamrpn`: hands the command line to `run.ts` with the real terminal and the real tracker.

import { loadTrackers } from './evaluate/load-trackers.ts'
import { interruptedCode } from './interrupt.ts'
import { runCommand } from './run.ts'
import { loadTracker } from './track/load-tracker.ts'

process.stdout.on('error', () => process.exit(1)) // A reader such as `head` has gone.
const { stdout, stderr } = process
const context = { terminal: { stdout, stderr }, load: loadTracker, loadTrackers }
process.exitCode = await runCommand(process.argv.slice(2), context)
if (process.exitCode === interruptedCode) process.exit() // Something interrupted may still be under way.
