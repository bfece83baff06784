// Finds the entry to WebGPU: `navigator.gpu` in a browser, the npm package `webgpu` (Dawn) in Node. In Node one
// instance of Dawn serves all devices of equal flags and lives as long as the process: its threads abort when it is
// collected before a device, and each instance finds the drivers anew.

import { isNode } from './environment.ts'
import { NoAdapterError } from './errors.ts'

export interface ProviderOptions {
  /** Use this implementation of WebGPU. */
  readonly gpu?: GPU
  /** Dawn backend, in Node only. */
  readonly backend?: string
  /** Options of Dawn for Node, such as `enable-dawn-features=skip_validation`. */
  readonly toggles?: readonly string[]
}

/** Dawn's instances by their flags. */
const instances = new Map<string, GPU>()

/** The WebGPU implementation of this environment and its name. @throws NoAdapterError if there is none */
export async function findGpu(options: ProviderOptions): Promise<{ gpu: GPU; name: string }> {
  if (options.gpu) return { gpu: options.gpu, name: 'the given GPU object' }
  const browser = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu
  if (browser) return { gpu: browser, name: 'navigator.gpu' }
  if (!isNode()) throw noAdapter('navigator.gpu, which is not there')
  const flags = dawnFlags(options)
  const name = `the npm package webgpu (Dawn for Node) with ${flags.join(' ')}`
  try {
    const { create } = await import('webgpu')
    const gpu = instances.get(name) ?? create(flags)
    instances.set(name, gpu)
    return { gpu, name }
  } catch (cause) {
    throw noAdapter(name, cause)
  }
}

/** Dawn keeps only the last list of each kind, so all lists of one kind become one. Timestamps are wanted unrounded. */
export function dawnFlags(options: ProviderOptions): string[] {
  const lists = new Map([['disable-dawn-features', ['timestamp_quantization']]])
  const others: string[] = []
  for (const toggle of options.toggles ?? []) {
    const match = /^((?:enable|disable)-dawn-features)=(.*)$/.exec(toggle)
    if (!match?.[1]) others.push(toggle)
    else lists.set(match[1], [...(lists.get(match[1]) ?? []), ...(match[2] ?? '').split(',')])
  }
  if (options.backend !== undefined) others.push(`backend=${options.backend}`)
  return [...[...lists].map(([key, names]) => `${key}=${[...new Set(names)].join(',')}`), ...others]
}

/** The error for "nothing answered": what was tried, and how to get a driver. */
export function noAdapter(tried: string, cause?: unknown): NoAdapterError {
  const reason = cause instanceof Error ? ` (${cause.message.trim()})` : ''
  return new NoAdapterError(
    `No WebGPU adapter answered. Tried: ${tried}${reason}.
In a browser, WebGPU must be enabled. In Node, a Vulkan, Metal or Direct3D 12 driver is needed; a software one will do:
  npm run ensure-adapter              (does the following, in a checkout of siamrpn)
  Ubuntu 24.04: apt-get install mesa-vulkan-drivers libvulkan1
  Debian 12:    echo 'deb http://deb.debian.org/debian bookworm-backports main' > /etc/apt/sources.list.d/backports.list
                apt-get update && apt-get install -t bookworm-backports mesa-vulkan-drivers libvulkan1
Debian 12's own Mesa (22.3) is too old for Dawn, hence the backport.`,
    { cause },
  )
}
