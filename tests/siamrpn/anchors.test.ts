import { beforeAll, describe, expect, test } from 'vitest'
import { SiameseRPNAnchorGenerator } from '../../src/siamrpn/anchors.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { type GoldenSection, readGoldenSection } from '../golden/check/reader.ts'
import { goldenDirectory } from '../golden-directory.ts'
import { largestDifference } from './compare.ts'

const config = namedConfig('r50').model.head.anchor_generator
const generator = new SiameseRPNAnchorGenerator(config)
let golden: GoldenSection<{ anchors: { num_base_anchors: number[]; strides: number[][] } }>

beforeAll(async () => {
  golden = await readGoldenSection(goldenDirectory, 'F')
})

/** Width and height of every base anchor. */
function sizes(anchors: SiameseRPNAnchorGenerator): string[] {
  const { baseAnchors } = anchors
  return Array.from({ length: anchors.numBaseAnchors }, (_, a) => {
    const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = baseAnchors.subarray(4 * a)
    expect([x1 + x2, y1 + y2]).toEqual([0, 0])
    return `${x2 - x1}x${y2 - y1}`
  })
}

describe('SiameseRPNAnchorGenerator', () => {
  test('base anchors, grid and head anchors equal MMTracking bit by bit', () => {
    expect(generator.numBaseAnchors).toBe(golden.json.anchors.num_base_anchors[0])
    expect(generator.stride).toBe(golden.json.anchors.strides[0]![0])
    expect(generator.baseAnchors).toEqual(golden.float32('base_anchors'))
    expect(generator.gridPriors(25, 25)).toEqual(golden.float32('grid_priors'))
    expect(generator.headAnchors(25, 25)).toEqual(golden.float32('head_anchors'))
  })

  test('the window equals numpy, square and not', () => {
    expect(largestDifference(generator.genWindow(25, 25), golden.float64('window'))).toBeLessThan(4e-16)
    expect(largestDifference(generator.genWindow(5, 7), golden.float64('window_5x7'))).toBeLessThan(4e-16)
    expect(generator.genWindow(1, 1)).toEqual(new Float64Array(5).fill(1))
  })

  test('the flat index is (y * W + x) * A + a', () => {
    const [height, width, anchors] = [3, 4, generator.numBaseAnchors]
    const grid = generator.gridPriors(height, width)
    expect(grid).toHaveLength(height * width * anchors * 4)
    const at = ((2 * width + 3) * anchors + 1) * 4
    const base = generator.baseAnchors.subarray(4, 8)
    expect([...grid.subarray(at, at + 4)]).toEqual([base[0]! + 24, base[1]! + 16, base[2]! + 24, base[3]! + 16])
  })

  test('head anchors of a map of even size have their origin at the position right of the middle', () => {
    const anchors = generator.headAnchors(4, 2)
    const origin = ((2 * 2 + 1) * generator.numBaseAnchors + 2) * 4
    expect([...anchors.subarray(origin, origin + 4)]).toEqual([-32, -32, 32, 32])
  })

  test('MMTracking cuts both sides to integers, pysot only the width', () => {
    expect(sizes(generator)).toEqual(['104x32', '88x40', '64x64', '40x88', '32x104'])
    expect(sizes(new SiameseRPNAnchorGenerator({ ...config, variant: 'pysot' }))).toEqual([
      '104x32',
      '88x40',
      '64x64',
      '40x80',
      '32x96',
    ])
  })

  test('scales vary inside ratios, and base sizes replace the stride', () => {
    expect(sizes(new SiameseRPNAnchorGenerator({ ...config, ratios: [1, 0.25], scales: [1, 2] }))).toEqual([
      '8x8',
      '16x16',
      '16x4',
      '32x8',
    ])
    const large = new SiameseRPNAnchorGenerator({ ...config, ratios: [1], scales: [1], base_sizes: [20] })
    expect([large.stride, ...sizes(large)]).toEqual([8, '20x20'])
  })
})
