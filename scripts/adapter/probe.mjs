// Runs ask.mjs in a child process and says how it ended: an adapter's name, or the reason why there is none.
// Plain JavaScript, because every command of this repository starts with it: Node runs it in 0.2 s, tsx needs 1 s.
// @ts-check
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const ask = fileURLToPath(new URL('./ask.mjs', import.meta.url))
const timeoutMs = 120_000
const bindingMissing = 4

/**
 * @typedef {object} Probe
 * @property {string} [adapter] The adapter's name; absent when none answers.
 * @property {boolean} loadable Whether the `webgpu` package loads on this machine at all.
 * @property {string} reason Why there is no adapter, in a few words.
 */

/** @returns {Probe} */
export function probeAdapter() {
  return readProbe(spawnSync(process.execPath, [ask], { encoding: 'utf8', timeout: timeoutMs }))
}

/**
 * @param {{ status: number | null, signal: string | null, stdout: string, stderr: string }} child
 * @returns {Probe}
 */
export function readProbe({ status, signal, stdout, stderr }) {
  const line = stdout.split('\n').find((text) => text.startsWith('{'))
  if (status === 0 && line) return { adapter: JSON.parse(line).name, loadable: true, reason: '' }
  const messages = stderr
    .split('\n')
    .map((text) => text.trim())
    .filter((text) => text !== '')
  const reason = signal
    ? `the process that asked ended with ${signal}`
    : (messages[0]?.replace(/^Warning: /, '') ?? 'no driver found')
  return { loadable: status !== bindingMissing, reason }
}
