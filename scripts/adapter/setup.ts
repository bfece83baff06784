// No WebGPU adapter answered: install Mesa's software Vulkan driver where the plan allows it, otherwise print the
// commands. Says what it does before it does it, and ends by asking for an adapter again.
// The machine comes in as an interface, so that the tests can play machines that fail at any step.
import { type MachineFacts, type Plan, type Privilege, planInstall, type Step } from './plan.ts'
import type { Probe } from './probe.mjs'

/** Everything that touches the machine; see machine.ts. */
export interface Machine {
  facts(): MachineFacts
  probe(): Probe
  /** Runs a step as `privilege` says, with its output shown; returns the exit code, null when it could not run. */
  run(step: Step, privilege: Privilege): number | null
  say(line: string): void
}

/** Returns the exit code of the whole: 0 when an adapter answers in the end. */
export function setUpAdapter(machine: Machine, failed: Probe): 0 | 1 {
  machine.say(`No WebGPU adapter answers (${failed.reason}).`)
  if (!failed.loadable) {
    machine.say('The npm package `webgpu` does not load here. Was `npm ci` run? Its builds are for glibc Linux, macOS')
    machine.say('and Windows, on x64 and arm64.')
    return 1
  }
  const facts = machine.facts()
  const plan = planInstall(facts)
  machine.say(plan.reason)
  for (const step of plan.steps) machine.say(`  ${asTyped(step, facts.privilege)}`)
  if (plan.action === 'install' && install(machine, plan, facts.privilege)) return 0
  machine.say('Other ways to an adapter:')
  machine.say("  - the Vulkan driver of a GPU in this machine (Mesa 23 or later, or NVIDIA's own);")
  machine.say("  - SwiftShader, which Debian's `chromium-common` package brings along (slower, no f16):")
  machine.say('      export VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json')
  machine.say('`npm run setup` tells whether it works.')
  return 1
}

function install(machine: Machine, plan: Plan, privilege: Privilege): boolean {
  for (const [index, step] of plan.steps.entries()) {
    const status = machine.run(step, privilege)
    if (status === 0) continue
    machine.say(`Failed (exit code ${status}): ${asTyped(step, privilege)}`)
    if (!step.required) continue
    undo(machine, plan.steps.slice(0, index + 1), privilege)
    return false
  }
  const { adapter, reason } = machine.probe()
  machine.say(
    adapter ? `WebGPU adapter: ${adapter}` : `The driver is installed, and still no adapter answers (${reason}).`,
  )
  return adapter !== undefined
}

/** Takes back the steps, the last one first: a machine that could not be set up stays as it was. */
function undo(machine: Machine, steps: readonly Step[], privilege: Privilege): void {
  for (const { undo } of steps.toReversed()) {
    if (undo === undefined) continue
    const step: Step = { ...undo, required: false }
    machine.say(`Taken back: ${asTyped(step, privilege)}`)
    const status = machine.run(step, privilege)
    if (status !== 0) machine.say(`Failed (exit code ${status}): ${asTyped(step, privilege)}`)
  }
}

function asTyped(step: Step, privilege: Privilege): string {
  if (privilege === 'root') return step.shell
  return step.input === undefined ? `sudo ${step.shell}` : step.shell.replace('| ', '| sudo ')
}
