// Asks Dawn for a WebGPU adapter and prints its name as one line of JSON; the exit code says the rest.
// Runs as a process of its own (see probe.mjs): a driver that crashes takes this process and nothing else.
// Exit codes: 0 adapter, 3 no adapter, 4 the `webgpu` package cannot be loaded here.
// @ts-check
let create
try {
  const binding = await import('webgpu')
  create = binding.create
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exit(4)
}
const adapter = await create([]).requestAdapter()
if (!adapter) process.exit(3)
const { vendor, architecture, device, description } = adapter.info
const name = description || device || architecture || vendor || 'unnamed'
process.stdout.write(`\n${JSON.stringify({ name })}\n`)
// An explicit end: Dawn's instance would keep the process alive.
process.exit(0)
