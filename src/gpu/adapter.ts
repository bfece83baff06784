// Describes an adapter and what it can do as plain data: everything above this floor chooses its variants from these
// facts, so the choice can be tested without any GPU and another machine's facts can be replayed.

import type { ProviderOptions } from './provider.ts'

/** Facts about the adapter behind a device; sizes in bytes. */
export interface AdapterFacts {
  readonly vendor: string
  readonly architecture: string
  readonly device: string
  readonly description: string
  /** 'cpu' for software drivers (lavapipe, SwiftShader, WARP), which want variants of their own. */
  readonly kind: 'gpu' | 'cpu'
  readonly subgroupMinSize: number
  readonly subgroupMaxSize: number
  /** Optional features that the device has been opened with, and language extensions of WGSL that kernels make use of. */
  readonly features: ReadonlySet<string>
  /** The largest range that one storage binding may cover. */
  readonly maxBindingBytes: number
  readonly maxBufferBytes: number
  readonly maxWorkgroupInvocations: number
  readonly maxWorkgroupBytes: number
  readonly maxStorageBuffers: number
  readonly maxWorkgroupsPerDimension: number
  /** Shapes of subgroup matrices; empty unless `chromium-experimental-subgroup-matrix` is among the features. */
  readonly subgroupMatrices: readonly SubgroupMatrixShape[]
}

export interface SubgroupMatrixShape {
  readonly componentType: string
  readonly resultComponentType: string
  readonly M: number
  readonly N: number
  readonly K: number
}

/** How to open the device. */
export interface DeviceOptions extends ProviderOptions {
  readonly powerPreference?: 'low-power' | 'high-performance'
  readonly backend?: 'vulkan' | 'metal' | 'd3d12' | 'd3d11' | 'opengl' | 'opengles' | 'null'
  /** Treat the adapter as if it lacked these features: tests, and reproducing other machines. */
  readonly hideFeatures?: readonly string[]
  /** Treat the adapter as if one binding could cover no more than this many bytes. */
  readonly bindingLimit?: number
  /**
   * While the result of a software adapter is pending, Node's event loop spins and takes a core from the adapter; so each of
   * its turns stops the thread for up to 4 ms. Turn this off in a program whose thread serves others meanwhile. Default true.
   */
  readonly stopsThread?: boolean
}

const wantedFeatures = ['shader-f16', 'subgroups', 'timestamp-query', 'chromium-experimental-subgroup-matrix']

/** Extensions of WGSL itself: arrays of f32 and vec2f in uniform buffers. */
const wantedExtensions = ['uniform_buffer_standard_layout']

const wantedLimits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupsPerDimension',
] as const

/** The descriptor that asks for everything useful that the adapter offers. */
export function deviceDescriptor(adapter: GPUAdapter, hidden: readonly string[] = []): GPUDeviceDescriptor {
  const features = wantedFeatures.filter((name) => adapter.features.has(name) && !hidden.includes(name))
  const limits = wantedLimits.map((name) => [name, adapter.limits[name]] as const)
  return {
    label: 'siamrpn',
    requiredFeatures: features as GPUFeatureName[],
    requiredLimits: Object.fromEntries(limits.filter(([, value]) => typeof value === 'number')),
  }
}

/** The facts of an opened device. @param language extensions of WGSL that the implementation knows */
export function adapterFacts(
  adapter: GPUAdapter,
  device: GPUDevice,
  language: ReadonlySet<string>,
  { bindingLimit = Number.POSITIVE_INFINITY, hideFeatures = [] }: DeviceOptions = {},
): AdapterFacts {
  const info: GPUAdapterInfo & { readonly subgroupMatrixConfigs?: Iterable<SubgroupMatrixShape> } = adapter.info
  const { vendor, architecture, device: name, description } = info
  const optional = [...device.features].filter((feature) => wantedFeatures.includes(feature))
  const extensions = wantedExtensions.filter((name) => language.has(name) && !hideFeatures.includes(name))
  const features = new Set([...optional, ...extensions])
  const text = `${vendor} ${architecture} ${name} ${description}`
  const software = /llvmpipe|lavapipe|softpipe|swiftshader|microsoft basic render|\bwarp\b/i.test(text)
  const matrices = features.has('chromium-experimental-subgroup-matrix') ? [...(info.subgroupMatrixConfigs ?? [])] : []
  return {
    vendor,
    architecture,
    device: name,
    description: description || name || architecture || vendor,
    kind: software || info.isFallbackAdapter ? 'cpu' : 'gpu',
    subgroupMinSize: features.has('subgroups') ? (info.subgroupMinSize ?? 0) : 0,
    subgroupMaxSize: features.has('subgroups') ? (info.subgroupMaxSize ?? 0) : 0,
    features,
    maxBindingBytes: Math.min(device.limits.maxStorageBufferBindingSize, bindingLimit),
    maxBufferBytes: device.limits.maxBufferSize,
    maxWorkgroupInvocations: device.limits.maxComputeInvocationsPerWorkgroup,
    maxWorkgroupBytes: device.limits.maxComputeWorkgroupStorageSize,
    maxStorageBuffers: device.limits.maxStorageBuffersPerShaderStage,
    maxWorkgroupsPerDimension: device.limits.maxComputeWorkgroupsPerDimension,
    subgroupMatrices: matrices.map(({ componentType, resultComponentType, M, N, K }) => {
      return { componentType, resultComponentType, M, N, K }
    }),
  }
}
