// Adds up what .ci/run did: node .ci/summary.mjs REPORTS STEP=EXITCODE...
// Tests are counted from vitest's JSON reports (REPORTS/STEP.json); a step that failed without a failed test to show
// for it counts as one failure. The last line is `N passed, N failed`.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const [reports = '', ...outcomes] = process.argv.slice(2)
const total = { passed: 0, failed: 0 }
for (const outcome of outcomes) {
  const [name = '', status] = outcome.split('=')
  const { passed, failed } = countTests(join(reports, `${name}.json`))
  const failures = status === '0' ? failed : Math.max(failed, 1)
  total.passed += passed
  total.failed += failures
  process.stdout.write(`${failures === 0 ? '\nok    ' : '\nFAILED'} ${name}`)
}
process.stdout.write(`\n\n${total.passed} passed, ${total.failed} failed\n`)
process.exitCode = total.failed === 0 ? 0 : 1

/** @param {string} path */
function countTests(path) {
  if (!existsSync(path)) return { passed: 0, failed: 0 }
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(path, 'utf8'))
  // A file that could not be loaded has no tests, failed or other.
  const broken = testResults.filter(
    (/** @type {{ status: string, assertionResults: { status: string }[] }} */ file) =>
      file.status === 'failed' && !file.assertionResults.some((result) => result.status === 'failed'),
  )
  return { passed: numPassedTests, failed: numFailedTests + broken.length }
}
