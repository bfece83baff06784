#!/usr/bin/env node

// The program `siamrpn`: hands the command line to `run.ts` with the real terminal and the real tracker.

import { loadTrackers } from './evaluate/load-trackers.ts'
import { Underway } from './guard.ts'
import { interruptedCode } from './interrupt.ts'
import { runCommand } from './run.ts'
import { loadTracker } from './track/load-tracker.ts'

const { stdout, stderr } = process
// A reader such as `head` has gone, or the terminal was closed: what nobody reads is dropped, and the work goes on.
for (const stream of [stdout, stderr]) stream.on('error', () => undefined)
const context = { terminal: { stdout, stderr, underway: new Underway() }, load: loadTracker, loadTrackers }
process.exitCode = await runCommand(process.argv.slice(2), context)
if (process.exitCode === interruptedCode) process.exit() // Something interrupted may still be under way.
