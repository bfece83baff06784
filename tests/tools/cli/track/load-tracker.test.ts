// What the loader decides before any GPU is asked.

import { expect, test } from 'vitest'
import type { AdapterFacts } from '../../../../src/gpu/adapter.ts'
import { ConfigError } from '../../../../src/siamrpn/errors.ts'
import { defaultModel } from '../../../../tools/cli/default-model.ts'
import { describeAdapter, loadTracker } from '../../../../tools/cli/track/load-tracker.ts'
import type { LoadedTracker } from '../../../../tools/cli/track/tracking.ts'
import { UsageError } from '../../../../tools/errors.ts'

const facts: AdapterFacts = {
  vendor: 'mesa',
  architecture: '',
  device: '',
  description: 'llvmpipe (LLVM 19.1.7, 256 bits)',
  kind: 'cpu',
  subgroupMinSize: 8,
  subgroupMaxSize: 8,
  features: new Set(),
  maxBindingBytes: 1,
  maxBufferBytes: 1,
  maxWorkgroupInvocations: 1,
  maxWorkgroupBytes: 1,
  maxStorageBuffers: 1,
  maxWorkgroupsPerDimension: 1,
  subgroupMatrices: [],
}

test('an adapter is named in one line, and a software driver is called one', () => {
  expect(describeAdapter(facts)).toBe('llvmpipe (LLVM 19.1.7, 256 bits) (software)')
  expect(describeAdapter({ ...facts, kind: 'gpu', description: 'NVIDIA H200' })).toBe('NVIDIA H200')
  expect(describeAdapter({ ...facts, kind: 'gpu', description: '', architecture: 'rdna3' })).toBe('mesa rdna3')
})

test('an unknown configuration is told before a device is opened', async () => {
  const weights = { checkpoint: 'weights.pth' }
  const loading = loadTracker({ config: 'r51', weights, onProgress: () => undefined })
  await expect(loading).rejects.toThrow(UsageError)
})

test('changes are made to the configuration that the checkpoint carries, and refused by name before a device is opened', async () => {
  const request = { weights: { checkpoint: defaultModel() }, onProgress: () => undefined }
  await expect(loadTracker({ ...request, set: ['model.test_cfg.rpn.lrr=0.4'] })).rejects.toThrow(/lrr: unknown key/)
  // 193 pixels are searched; an exemplar of 97 leaves no score map in 65.
  await expect(loadTracker({ ...request, set: ['model.test_cfg.search_size=65'] })).rejects.toThrow(ConfigError)
  await using tracker = closing(await loadTracker({ ...request, set: ['model.test_cfg.long_term={}'] }))
  expect(tracker.loaded.anchors).toBe('mmtracking')
})

function closing(loaded: LoadedTracker) {
  return { loaded, [Symbol.asyncDispose]: () => loaded.close() }
}
