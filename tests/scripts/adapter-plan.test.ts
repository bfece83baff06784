// What scripts/adapter would do on machines that we do not have: one row per distribution and situation.
import { describe, expect, test } from 'vitest'
import { parseOsRelease } from '../../scripts/adapter/machine.ts'
import { hasSuite, type MachineFacts, planInstall } from '../../scripts/adapter/plan.ts'

const debian12 = `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
`
const deb822 = {
  path: '/etc/apt/sources.list.d/debian.sources',
  text: `Types: deb
# http://snapshot.debian.org/archive/debian/20250520T000000Z
URIs: http://deb.debian.org/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`,
}
const oneLine = '/etc/apt/sources.list.d/mine.list'
const write = expect.stringContaining('/etc/apt/sources.list.d/siamrpn-backports.list')

function facts(osRelease: string, changes: Partial<MachineFacts> = {}): MachineFacts {
  const base = { platform: 'linux', privilege: 'root', aptSources: [deb822], environment: {} } as const
  return { ...base, osRelease: parseOsRelease(osRelease), ...changes }
}

const shells = (machine: MachineFacts) => planInstall(machine).steps.map((step) => step.shell)

describe('the plan for a machine without an adapter', () => {
  test('Debian 12: adds the backports suite, then installs Mesa from it', () => {
    const plan = planInstall(facts(debian12))
    expect(plan.action).toBe('install')
    expect(plan.steps.map((step) => step.shell)).toEqual([
      "echo 'deb http://deb.debian.org/debian bookworm-backports main' | tee /etc/apt/sources.list.d/siamrpn-backports.list",
      'apt-get update',
      'apt-get install -y --no-install-recommends -t bookworm-backports mesa-vulkan-drivers libvulkan1',
    ])
    expect(plan.steps[0]).toMatchObject({
      argv: ['tee', '/etc/apt/sources.list.d/siamrpn-backports.list'],
      input: 'deb http://deb.debian.org/debian bookworm-backports main\n',
    })
    expect(plan.steps[2]?.argv.join(' ')).toMatch(/^env DEBIAN_FRONTEND=noninteractive apt-get .*-t bookworm-backports/)
  })

  test('Debian 12 without any configured source still plans the same', () => {
    expect(shells(facts(debian12, { aptSources: [] }))).toEqual(shells(facts(debian12)))
  })

  test('Debian 12 with backports configured elsewhere: writes no file', () => {
    const text =
      'deb [signed-by=/usr/share/keyrings/x.gpg] http://mirror.example/debian bookworm-backports main contrib\n'
    const plan = shells(facts(debian12, { aptSources: [deb822, { path: oneLine, text }] }))
    expect(plan).toHaveLength(2)
    expect(plan).not.toContainEqual(write)
    expect(plan[1]).toContain('-t bookworm-backports')
  })

  test.each([
    ['Debian 13', 'ID=debian\nVERSION_ID="13"\n'],
    ['Debian unstable, which has no version', 'ID=debian\nPRETTY_NAME="Debian GNU/Linux forky/sid"\n'],
    ['Ubuntu 24.04', 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n'],
    ['Ubuntu 22.04', 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="22.04"\n'],
    ['a derivative of Ubuntu', 'ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_ID="22"\n'],
  ])('%s: installs from its own archives', (_name, osRelease) => {
    expect(planInstall(facts(osRelease)).action).toBe('install')
    expect(shells(facts(osRelease))).toEqual([
      'apt-get update',
      'apt-get install -y --no-install-recommends mesa-vulkan-drivers libvulkan1',
    ])
  })

  test.each([
    ['Debian 11', 'ID=debian\nVERSION_ID="11"\n'],
    ['Ubuntu 20.04', 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="20.04"\n'],
  ])('%s: says that its Mesa is too old', (_name, osRelease) => {
    expect(planInstall(facts(osRelease))).toMatchObject({ action: 'print', steps: [] })
    expect(planInstall(facts(osRelease)).reason).toContain('too old')
  })

  test.each([
    ['Fedora', 'ID=fedora\nVERSION_ID=42\n', 'dnf install -y mesa-vulkan-drivers vulkan-loader'],
    ['Arch', 'ID=arch\n', 'pacman -S --needed --noconfirm vulkan-swrast vulkan-icd-loader'],
    ['openSUSE', 'ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', 'zypper install -y libvulkan_lvp libvulkan1'],
    ['Alpine', 'ID=alpine\nVERSION_ID=3.22.0\n', 'apk add mesa-vulkan-swrast vulkan-loader'],
  ])('%s: prints its command', (_name, osRelease, command) => {
    expect(planInstall(facts(osRelease)).action).toBe('print')
    expect(shells(facts(osRelease))).toEqual([command])
  })

  test.each([
    ['SIAMRPN_NO_INSTALL', { environment: { SIAMRPN_NO_INSTALL: '1' } }, 'SIAMRPN_NO_INSTALL'],
    ['neither root nor sudo', { privilege: 'none' }, 'needs root'],
  ] as const)('%s: prints the exact commands and installs nothing', (_name, changes, reason) => {
    const plan = planInstall(facts(debian12, changes))
    expect(plan.action).toBe('print')
    expect(plan.reason).toContain(reason)
    expect(plan.steps).toEqual(planInstall(facts(debian12)).steps)
  })

  test('a variable that forces one driver is named, because installing another cannot help', () => {
    const plan = planInstall(facts(debian12, { environment: { VK_DRIVER_FILES: '/nonexistent' } }))
    expect(plan).toMatchObject({ action: 'print', steps: [] })
    expect(plan.reason).toContain('VK_DRIVER_FILES=/nonexistent')
  })

  test.each(['darwin', 'win32'])('%s: nothing to install', (platform) => {
    expect(planInstall(facts('', { platform }))).toMatchObject({ action: 'print', steps: [] })
  })

  test('an unknown Linux: says what is needed', () => {
    expect(planInstall(facts('ID=plan9\nPRETTY_NAME="Plan 9"\n')).reason).toMatch(/Plan 9.*lavapipe/)
  })
})

describe('finding a suite in apt sources', () => {
  const stanza =
    'Types: deb deb-src\nURIs: http://deb.debian.org/debian\nSuites: bookworm\n bookworm-backports\nComponents: main\n'
  test.each([
    ['one line', oneLine, 'deb http://deb.debian.org/debian bookworm-backports main', true],
    ['one line, commented out', oneLine, '# deb http://deb.debian.org/debian bookworm-backports main', false],
    ['sources only', oneLine, 'deb-src http://deb.debian.org/debian bookworm-backports main', false],
    ['another component', oneLine, 'deb http://deb.debian.org/debian bookworm-backports contrib', false],
    ['a suite with a longer name', oneLine, 'deb http://deb.debian.org/debian bookworm-backports-sloppy main', false],
    ['stanza with a continued field', deb822.path, stanza, true],
    ['stanza after another', deb822.path, `${deb822.text}\n${stanza}`, true],
    ['stanza that is switched off', deb822.path, `Enabled: no\n${stanza}`, false],
    ['stanza, commented out', deb822.path, stanza.replace(/^/gm, '#'), false],
    ['stanza for other suites', deb822.path, deb822.text, false],
  ])('%s', (_name, path, text, found) => {
    expect(hasSuite([{ path, text }], 'bookworm-backports')).toBe(found)
  })
})
