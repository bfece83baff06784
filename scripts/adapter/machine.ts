// The machine that setup.ts works on: reads what it is (os-release, apt's sources, privileges) and runs commands.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import type { AptSource, Privilege, Step } from './plan.ts'
import { probeAdapter } from './probe.mjs'
import type { Machine } from './setup.ts'

export function realMachine(): Machine {
  return {
    facts: () => ({
      platform: process.platform,
      osRelease: parseOsRelease(readText('/etc/os-release') ?? readText('/usr/lib/os-release') ?? ''),
      privilege: privilege(),
      aptSources: aptSources('/etc/apt'),
      environment: process.env,
    }),
    probe: probeAdapter,
    run: runStep,
    say: (line) => process.stderr.write(`${line}\n`),
  }
}

/** `KEY=value` lines, values quoted or not; see os-release(5). */
export function parseOsRelease(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/^([A-Z][A-Z0-9_]*)=(.*)$/gm)]
  return Object.fromEntries(
    pairs.map(([, key = '', value = '']) => [key, value.trim().replace(/^(["'])(.*)\1$/, '$2')]),
  )
}

/** The files that apt reads in its folder: sources.list and sources.list.d/*.list|*.sources, where present. */
export function aptSources(folder: string): AptSource[] {
  const names = ['sources.list', ...listFolder(`${folder}/sources.list.d`).map((name) => `sources.list.d/${name}`)]
  return names.flatMap((name) => {
    const text = /\.(list|sources)$/.test(name) ? readText(`${folder}/${name}`) : undefined
    return text === undefined ? [] : [{ path: `${folder}/${name}`, text }]
  })
}

function privilege(): Privilege {
  if (process.getuid?.() === 0) return 'root'
  return spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0 ? 'sudo' : 'none'
}

/** The output goes to stderr, so that stdout stays the caller's own (`npm run bench -- --json`). */
function runStep(step: Step, as: Privilege): number | null {
  const [program = '', ...rest] = as === 'sudo' ? ['sudo', '-n', ...step.argv] : step.argv
  return spawnSync(program, rest, { input: step.input ?? '', stdio: ['pipe', 2, 2] }).status
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function listFolder(path: string): string[] {
  try {
    return readdirSync(path).sort()
  } catch {
    return []
  }
}
