// The course of an installation on played machines: what is said, what is run, how it ends.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { aptSources, parseOsRelease } from '../../scripts/adapter/machine.ts'
import { type Probe, readProbe } from '../../scripts/adapter/probe.mjs'
import { type Machine, setUpAdapter } from '../../scripts/adapter/setup.ts'

const noAdapter: Probe = { loadable: true, reason: 'no driver found' }
const lavapipe: Probe = { adapter: 'llvmpipe', loadable: true, reason: '' }

interface Script {
  readonly environment?: Record<string, string>
  readonly privilege?: 'root' | 'sudo' | 'none'
  readonly after?: Probe
  /** Exit codes of the steps in order; missing ones are 0. */
  readonly exits?: readonly number[]
}

function play({ environment = {}, privilege = 'root', after = lavapipe, exits = [] }: Script) {
  const said: string[] = []
  const ran: string[] = []
  const osRelease = { ID: 'debian', VERSION_ID: '12', PRETTY_NAME: 'Debian GNU/Linux 12 (bookworm)' }
  const machine: Machine = {
    facts: () => ({ platform: 'linux', osRelease, privilege, aptSources: [], environment }),
    probe: () => after,
    run: (step) => {
      expect(said.join('\n'), 'a step is announced before it runs').toContain(step.shell.split(' | ')[0])
      ran.push(step.shell)
      return exits[ran.length - 1] ?? 0
    },
    say: (line) => said.push(line),
  }
  return { code: (probe: Probe = noAdapter) => setUpAdapter(machine, probe), said, ran }
}

describe('setting up an adapter', () => {
  test('runs every step, asks again, and names the adapter', () => {
    const { code, said, ran } = play({})
    expect(code()).toBe(0)
    expect(ran).toHaveLength(3)
    expect(said.at(-1)).toBe('WebGPU adapter: llvmpipe')
  })

  test('goes on when only the update fails', () => {
    const { code, ran } = play({ exits: [0, 100, 0] })
    expect(code()).toBe(0)
    expect(ran).toHaveLength(3)
  })

  test('ends with 1 and the other ways when the installation fails', () => {
    const { code, said } = play({ exits: [0, 0, 100] })
    expect(code()).toBe(1)
    expect(said.join('\n')).toMatch(/Failed \(exit code 100\): apt-get install/)
    expect(said.join('\n')).toContain('SwiftShader')
  })

  test.each([
    ['the installation', [0, 0, 100]],
    ['the writing itself, half done', [1]],
  ])('what was added to the sources of apt is taken back when %s fails', (_, exits) => {
    const { code, said, ran } = play({ privilege: 'sudo', exits })
    expect(code()).toBe(1)
    expect(ran.at(-1)).toBe('rm -f /etc/apt/sources.list.d/siamrpn-backports.list')
    expect(said).toContain('Taken back: sudo rm -f /etc/apt/sources.list.d/siamrpn-backports.list')
  })

  test('the sources stay when the driver is there, or when only the update failed', () => {
    for (const exits of [[], [0, 100, 0]]) {
      const { code, ran } = play({ exits })
      expect(code()).toBe(0)
      expect(ran.join()).not.toContain('rm -f')
    }
  })

  test('ends with 1 when the driver is there and still nothing answers', () => {
    const { code, said } = play({ after: noAdapter })
    expect(code()).toBe(1)
    expect(said.join('\n')).toContain('still no adapter answers')
  })

  test('prints copyable commands with sudo, and runs none, where it may not install', () => {
    const { code, said, ran } = play({ privilege: 'none' })
    expect(code()).toBe(1)
    expect(ran).toEqual([])
    expect(said).toContain(
      "  echo 'deb http://deb.debian.org/debian bookworm-backports main' | sudo tee /etc/apt/sources.list.d/siamrpn-backports.list",
    )
    expect(said).toContain('  sudo apt-get update')
  })

  test('SIAMRPN_NO_INSTALL=1 runs nothing', () => {
    const { code, ran } = play({ environment: { SIAMRPN_NO_INSTALL: '1' } })
    expect(code()).toBe(1)
    expect(ran).toEqual([])
  })

  test('does not install a driver when the binding itself is missing', () => {
    const { code, said, ran } = play({})
    expect(code({ loadable: false, reason: "Cannot find package 'webgpu'" })).toBe(1)
    expect(ran).toEqual([])
    expect(said.join('\n')).toContain('npm ci')
  })
})

describe('reading the probe', () => {
  const child = { status: 0, signal: null, stdout: '', stderr: '' }

  test('finds the name among the lines that drivers print', () => {
    const probe = readProbe({ ...child, stdout: 'Warning: limits reduced\n\n{"name":"llvmpipe"}\n' })
    expect(probe).toEqual({ adapter: 'llvmpipe', loadable: true, reason: '' })
  })

  test('a crash is a reason, not a crash', () => {
    expect(readProbe({ ...child, status: null, signal: 'SIGSEGV' })).toMatchObject({
      loadable: true,
      reason: 'the process that asked ended with SIGSEGV',
    })
  })

  test('no adapter, and no binding, are told apart', () => {
    expect(readProbe({ ...child, status: 3, stderr: '\nWarning: vkCreateInstance: Found no drivers!\n' })).toEqual({
      loadable: true,
      reason: 'vkCreateInstance: Found no drivers!',
    })
    expect(readProbe({ ...child, status: 4, stderr: 'GLIBC_2.34 not found' }).loadable).toBe(false)
  })
})

describe('reading the machine', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'siamrpn-apt-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('os-release values lose their quotes', () => {
    expect(parseOsRelease('NAME="Debian GNU/Linux"\nID=debian\nBUG=\'x y\'\n# ID=other\n')).toEqual({
      NAME: 'Debian GNU/Linux',
      ID: 'debian',
      BUG: 'x y',
    })
  })

  test('apt sources: a missing sources.list is fine, files that apt ignores are ignored', () => {
    mkdirSync(join(folder, 'sources.list.d'))
    for (const name of ['b.sources', 'a.list', 'c.sources.off', 'd.list.save']) {
      writeFileSync(join(folder, 'sources.list.d', name), name)
    }
    expect(aptSources(folder).map((source) => source.text)).toEqual(['a.list', 'b.sources'])
    expect(aptSources(join(folder, 'nowhere'))).toEqual([])
  })
})
