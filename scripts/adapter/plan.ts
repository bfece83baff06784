// What to do on a machine where no WebGPU adapter answers: facts about the machine in, a plan out. Nothing here
// touches the machine, so every distribution is a row in a test.
// Dawn refuses Mesa 22 (Debian 12's own: "shaderUniform*ArrayDynamicIndexing required"), so Debian 12 needs its
// backports suite; Ubuntu 22.04 and later and Debian 13 carry a Mesa that works.

export type Privilege = 'root' | 'sudo' | 'none'

/** What the machine says of itself; see machine.ts. */
export interface MachineFacts {
  readonly platform: string
  /** Pairs of /etc/os-release; empty where there is no such file. */
  readonly osRelease: Readonly<Record<string, string>>
  /** Root, sudo that asks for no password, or neither. */
  readonly privilege: Privilege
  /** The files that apt reads its sources from. */
  readonly aptSources: readonly AptSource[]
  /** The variables that this script heeds: SIAMRPN_NO_INSTALL, VK_DRIVER_FILES, VK_ICD_FILENAMES. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

export interface AptSource {
  /** Path, as in `/etc/apt/sources.list.d/debian.sources`. */
  readonly path: string
  readonly text: string
}

/** One step of an installation. `input` goes to the command's stdin; a step that is not `required` may fail. */
export interface Step {
  readonly argv: readonly string[]
  readonly input?: string
  readonly required: boolean
  /** The same step as a user would type it, without sudo. */
  readonly shell: string
  /** Takes back what the step has done, should a later one fail. */
  readonly undo?: Pick<Step, 'argv' | 'shell'>
}

export interface Plan {
  /** `install`: the steps may be run. `print`: only tell the user. */
  readonly action: 'install' | 'print'
  /** Why this is what happens, in one or two sentences. */
  readonly reason: string
  readonly steps: readonly Step[]
}

const backportsFile = '/etc/apt/sources.list.d/siamrpn-backports.list'
const backportsLine = 'deb http://deb.debian.org/debian bookworm-backports main'
const packages = ['mesa-vulkan-drivers', 'libvulkan1']
const aptOptions = ['-o', 'DPkg::Lock::Timeout=300']

const otherDistributions: Readonly<Record<string, string>> = {
  fedora: 'dnf install -y mesa-vulkan-drivers vulkan-loader',
  rhel: 'dnf install -y mesa-vulkan-drivers vulkan-loader',
  arch: 'pacman -S --needed --noconfirm vulkan-swrast vulkan-icd-loader',
  suse: 'zypper install -y libvulkan_lvp libvulkan1',
  opensuse: 'zypper install -y libvulkan_lvp libvulkan1',
}

/** Decides what brings Mesa's software Vulkan driver (lavapipe) onto the machine, and whether we may do it ourselves. */
export function planInstall(facts: MachineFacts): Plan {
  const driverVariable = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'].find((name) => facts.environment[name])
  if (driverVariable) {
    const value = facts.environment[driverVariable]
    return print(
      `${driverVariable}=${value} tells the Vulkan loader to use that driver alone, and it gives no adapter. Unset it, and try again.`,
    )
  }
  if (facts.platform !== 'linux') {
    return print(
      'On macOS (Metal) and Windows (Direct3D 12) the adapter comes with the graphics driver: bring that up to date.',
    )
  }
  return planForDistribution(facts)
}

function planForDistribution(facts: MachineFacts): Plan {
  const { ID: id = '', ID_LIKE: like = '', VERSION_ID: version = '', PRETTY_NAME: name = id } = facts.osRelease
  const family = [id, ...like.split(/\s+/)]
  if (family.includes('alpine')) {
    return print(
      'Dawn is built for glibc and Alpine has musl: use a Debian or Ubuntu image. The driver itself, for other programs, is:',
      [shellStep('apk add mesa-vulkan-swrast vulkan-loader')],
    )
  }
  if (family.includes('ubuntu')) {
    const tooOld = id === 'ubuntu' && version !== '' && Number(version) < 22.04
    return tooOld ? tooOldPlan(name, 'Ubuntu 22.04') : allow(facts, name, aptSteps([]))
  }
  if (family.includes('debian')) {
    const release = id === 'debian' ? Number(version) || Number.POSITIVE_INFINITY : derivative(facts)
    if (release < 12) return tooOldPlan(name, 'Debian 12')
    return allow(facts, name, release < 13 ? bookwormSteps(facts.aptSources) : aptSteps([]))
  }
  const other = family.find((member) => otherDistributions[member])
  if (other) {
    const command = otherDistributions[other] ?? ''
    return print(`This script installs on Debian and Ubuntu only. On ${name}:`, [shellStep(command)])
  }
  return print(
    `This script does not know ${name || 'this distribution'}: install Mesa's software Vulkan driver (lavapipe, Mesa 23 or later) and the Vulkan loader.`,
  )
}

/** Debian's release number behind a derivative, from the code name that it carries along; unknown counts as new. */
function derivative(facts: MachineFacts): number {
  return { buster: 10, bullseye: 11, bookworm: 12 }[facts.osRelease.DEBIAN_CODENAME ?? ''] ?? Number.POSITIVE_INFINITY
}

function bookwormSteps(sources: readonly AptSource[]): Step[] {
  const install = aptSteps(['-t', 'bookworm-backports'])
  if (hasSuite(sources, 'bookworm-backports')) return install
  const write: Step = {
    argv: ['tee', backportsFile],
    input: `${backportsLine}\n`,
    required: true,
    shell: `echo '${backportsLine}' | tee ${backportsFile}`,
    // Left there, it would decide what apt offers from then on.
    undo: { argv: ['rm', '-f', backportsFile], shell: `rm -f ${backportsFile}` },
  }
  return [write, ...install]
}

function aptSteps(target: readonly string[]): Step[] {
  const environment = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...aptOptions]
  const install = ['install', '-y', '--no-install-recommends', ...target, ...packages]
  return [
    // One unreachable third-party source makes this fail; the installation tells whether it mattered.
    { argv: [...environment, 'update'], required: false, shell: 'apt-get update' },
    { argv: [...environment, ...install], required: true, shell: `apt-get ${install.join(' ')}` },
  ]
}

function allow(facts: MachineFacts, name: string, steps: readonly Step[]): Plan {
  if (facts.environment.SIAMRPN_NO_INSTALL && facts.environment.SIAMRPN_NO_INSTALL !== '0') {
    return print('SIAMRPN_NO_INSTALL is set, so nothing is installed. To do it yourself:', steps)
  }
  if (facts.privilege === 'none') {
    return print('Installing needs root, or sudo without a password. To do it yourself:', steps)
  }
  const reason = `Installing Mesa's software Vulkan driver for ${name} (about 55 MB; SIAMRPN_NO_INSTALL=1 forbids it):`
  return { action: 'install', reason, steps }
}

function tooOldPlan(name: string, oldest: string): Plan {
  return print(`The Mesa of ${name} is too old for Dawn; the oldest that works is that of ${oldest}.`)
}

function print(reason: string, steps: readonly Step[] = []): Plan {
  return { action: 'print', reason, steps }
}

function shellStep(shell: string): Step {
  return { argv: shell.split(' '), required: true, shell }
}

/** Whether apt is already configured for a suite, in the one-line or the deb822 format (see sources.list(5)). */
export function hasSuite(sources: readonly AptSource[], suite: string): boolean {
  return sources.some(({ path, text }) => (path.endsWith('.sources') ? hasStanza(text, suite) : hasLine(text, suite)))
}

function hasLine(text: string, suite: string): boolean {
  return text.split('\n').some((line) => {
    const words = line
      .replace(/#.*/, '')
      .replace(/\[.*?\]/, ' ')
      .trim()
      .split(/\s+/)
    return words[0] === 'deb' && words[2] === suite && words.slice(3).includes('main')
  })
}

function hasStanza(text: string, suite: string): boolean {
  return text.split(/\n\s*\n/).some((stanza) => {
    const lines = stanza.split('\n').filter((line) => !line.startsWith('#'))
    const fields = new Map<string, string>()
    let field = ''
    for (const line of lines) {
      const start = /^([\w-]+):(.*)$/.exec(line)
      if (start) field = (start[1] ?? '').toLowerCase()
      fields.set(field, `${fields.get(field) ?? ''} ${start ? start[2] : line}`)
    }
    const words = (name: string) => (fields.get(name) ?? '').trim().split(/\s+/)
    const enabled = !['no', 'false', 'off', '0', 'disable'].includes(words('enabled')[0] ?? '')
    return (
      enabled &&
      words('types').includes('deb') &&
      words('suites').includes(suite) &&
      words('components').includes('main')
    )
  })
}
