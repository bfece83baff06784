// The public entry: what it offers, and that nobody has to reach into the folders for an error class.

import { expect, test } from 'vitest'
import * as formats from '../src/formats/errors.ts'
import * as gpu from '../src/gpu/errors.ts'
import * as entry from '../src/index.ts'
import * as nn from '../src/nn/errors.ts'
import * as siamrpn from '../src/siamrpn/errors.ts'

test('exports every error class of the library, each one a SiamRpnError that carries its name', () => {
  for (const [name, kind] of Object.entries({ ...gpu, ...nn, ...formats, ...siamrpn })) {
    expect(entry, name).toHaveProperty(name, kind)
    expect(kind.prototype instanceof entry.SiamRpnError || kind === entry.SiamRpnError, name).toBe(true)
    expect(kind.name).toBe(name)
  }
})

test('exports what the README uses', () => {
  for (const name of [
    'SiamRPN',
    'openDevice',
    'readCheckpoint',
    'readSafetensors',
    'writeSafetensors',
    'parseConfig',
  ]) {
    expect(entry).toHaveProperty(name, expect.any(Function))
  }
})

test('exports what a training loop needs', () => {
  for (const name of [
    ...['Optimizer', 'Random', 'Tape', 'TargetBuilder', 'TrainableSiamRPN'],
    ...['capture', 'emptyTargets', 'epochMode', 'headLoss', 'initialWeights', 'plan', 'writeTargets'],
    ...['crossEntropyLoss', 'focalLoss', 'giouLoss', 'iouLoss', 'l1Loss', 'smoothL1Loss'],
  ]) {
    expect(entry).toHaveProperty(name, expect.any(Function))
  }
  expect(Object.keys(entry.ops)).toEqual(
    expect.arrayContaining(['conv2d', 'batchNorm', 'depthwiseCorrelation', 'loss']),
  )
})
