// Makes sure that WebGPU answers with an adapter on this machine: `npm test`, `npm run demo` and the other commands
// of this repository start with it; users of the published package never run it.
// An adapter that answers is named on stderr, and that is all. Where none does, adapter/setup.ts takes over.
// @ts-check
import { probeAdapter } from './adapter/probe.mjs'

const probe = probeAdapter()
if (probe.adapter) {
  process.stderr.write(`WebGPU adapter: ${probe.adapter}\n`)
} else {
  const { register } = await import('tsx/esm/api')
  register()
  const { realMachine } = await import('./adapter/machine.ts')
  const { setUpAdapter } = await import('./adapter/setup.ts')
  process.exitCode = setUpAdapter(realMachine(), probe)
}
