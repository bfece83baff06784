// The list of layers that the benches and the peers are built from.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { multiplyAdds, searchNetwork } from '../../bench/network.ts'
import type { ConvNode, NetworkNode } from '../../src/nn/counting-layers.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'

const network = searchNetwork(namedConfig('r50').model)
const isConv = (node: NetworkNode): node is ConvNode => node.op === 'conv'

test('has the convolutions that MMTracking runs in each frame, with its geometry', () => {
  const golden = JSON.parse(readFileSync(new URL('../golden/A.json', import.meta.url), 'utf8')).convs_r50
  const perFrame = golden.rows.filter(([name]: [string]) => !name.includes('kernel_convs'))
  const rows = network.nodes.filter(isConv).map(({ spec }) => {
    const { name, inChannels, outChannels, kernel, stride, padding, dilation, bias } = spec
    return [name, inChannels, outChannels, kernel, stride, padding, dilation, bias]
  })
  const byName = (a: unknown[], b: unknown[]) => String(a[0]).localeCompare(String(b[0]))
  expect(rows.sort(byName)).toEqual(perFrame.sort(byName))
})

test('counts 48.7 G multiply-adds per frame', () => {
  const total = network.nodes.reduce((sum, node) => sum + multiplyAdds(node), 0)
  expect(total).toBe(48_720_820_928)
})

test('every input of a layer has been written before, with the size that the layer expects', () => {
  const known = new Map([network.image, ...network.kernels].map(({ name, size }) => [name, size]))
  for (const node of network.nodes) {
    const inputs = node.op === 'weightedSum' ? node.inputs : [node.input]
    for (const input of inputs) expect(known.get(input)).toBe(node.op === 'weightedSum' ? node.outSize : node.inSize)
    if (node.op === 'correlation') expect(known.get(node.kernel)).toBe(node.kernelSize)
    if (node.op === 'conv' && node.residual) expect(known.get(node.residual)).toBe(node.outSize)
    known.set(node.output, node.outSize)
  }
  expect(network.outputs).toEqual([
    { name: 'cls', channels: 10, size: 25 },
    { name: 'bbox', channels: 20, size: 25 },
  ])
})
