// The program behind `npm run golden`: hands the command line to `run.ts` with the real terminal.

import { interruptedCode } from '../../../tools/cli/interrupt.ts'
import { runGolden } from './run.ts'

process.stdout.on('error', () => process.exit(1)) // A reader such as `head` has gone.
const { stdout, stderr } = process
process.exitCode = await runGolden(process.argv.slice(2), { stdout, stderr })
if (process.exitCode === interruptedCode) process.exit() // The check that was interrupted may still be under way.
