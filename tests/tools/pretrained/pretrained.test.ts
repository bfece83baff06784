// `npm run pretrained`: TFLite files made by hand, good and damaged; the names of mmcls; the package and its refusal; and that
// nothing is written where something is wrong.

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { toFloat32 } from '../../../src/formats/state-dict.ts'
import { PretrainedFetchError, PretrainedFileError } from '../../../tools/pretrained/errors.ts'
import { mobileNetV2 } from '../../../tools/pretrained/mobilenet-v2.ts'
import { detectorOf, fetchPackage, packageSpec, type RunProgram } from '../../../tools/pretrained/objectron-package.ts'
import { tarMember } from '../../../tools/pretrained/tar.ts'
import { readTfliteConvolutions, type TfliteConvolution } from '../../../tools/pretrained/tflite.ts'
import { writePretrained } from '../../../tools/pretrained/write-pretrained.ts'
import { temporaryFolder } from '../training/helpers.ts'
import { type MadeConvolution, tfliteFile } from './tflite-file.ts'

const range = (count: number) => Array.from({ length: count }, (_, i) => i)

const made: readonly MadeConvolution[] = [
  { name: 'a/Relu6;a/b', depthwise: false, shape: [2, 1, 2, 3], filter: range(12), bias: [0.5, -1], stride: 2 },
  { name: 'd', depthwise: true, shape: [1, 1, 3, 2], filter: range(6), bias: [7, 8], stride: 1 },
  // 1, -2, 0.5, 65504, 2^-24 and, as the bias, 1.5 in float16.
  {
    name: 'h',
    depthwise: false,
    shape: [1, 1, 1, 5],
    filter: [0x3c00, 0xc000, 0x3800, 0x7bff, 1],
    bias: [0x3e00],
    stride: 1,
    half: true,
  },
]

describe('TFLite', () => {
  test('filters come channels first, whatever their type', () => {
    const [ordinary, depthwise, half] = readTfliteConvolutions(tfliteFile(made), 'made.tflite')
    expect(ordinary).toMatchObject({ name: 'a/Relu6;a/b', depthwise: false, shape: [2, 3, 1, 2], stride: 2 })
    expect([...ordinary!.weight]).toEqual([0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11])
    expect([...ordinary!.bias]).toEqual([0.5, -1])
    expect(depthwise).toMatchObject({ depthwise: true, shape: [2, 1, 1, 3], stride: 1 })
    expect([...depthwise!.weight]).toEqual([0, 2, 4, 1, 3, 5])
    expect([...half!.weight]).toEqual([1, -2, 0.5, 65504, 2 ** -24])
    expect([...half!.bias]).toEqual([1.5])
  })

  test('a file that is cut off anywhere is refused', () => {
    const file = tfliteFile(made)
    for (let length = 0; length < file.length; length++) {
      // What follows the last constant is only padding and may be missing.
      const read = () => readTfliteConvolutions(file.subarray(0, length), 'cut.tflite')
      if (length < file.length - 8) expect(read, `${length} bytes`).toThrow(PretrainedFileError)
    }
  })

  test('a damaged byte never ends in anything but an error that names the file', () => {
    const file = tfliteFile(made)
    let refused = 0
    for (let at = 0; at < file.length; at++) {
      const damaged = file.slice()
      damaged[at] = 255 - damaged[at]!
      try {
        readTfliteConvolutions(damaged, 'damaged.tflite')
      } catch (error) {
        expect(error, `byte ${at}`).toBeInstanceOf(PretrainedFileError)
        expect((error as Error).message).toMatch(/^damaged\.tflite: /)
        refused++
      }
    }
    expect(refused).toBeGreaterThan(file.length / 4)
  })

  test('another kind of file, and sizes that do not fit, are named', () => {
    const text = new TextEncoder().encode('<!doctype html><html>')
    expect(() => readTfliteConvolutions(text, 'page.tflite')).toThrow(`page.tflite: bytes 4 to 8 are "ctyp"`)
    const short = tfliteFile([{ ...made[0]!, filter: range(11) }])
    expect(() => readTfliteConvolutions(short, 'x')).toThrow("'a/Relu6;a/b/filter' has 44 bytes, expected 48")
    const bias = tfliteFile([{ ...made[0]!, bias: [1, 2, 3] }])
    expect(() => readTfliteConvolutions(bias, 'x')).toThrow('has 3 values, expected 2')
    const infinite = tfliteFile([{ ...made[2]!, bias: [0x7c00] }])
    expect(() => readTfliteConvolutions(infinite, 'x')).toThrow('is Infinity, expected a finite number')
  })
})

describe('MobileNetV2', () => {
  test('becomes the state dict of mmcls, each folded batch norm one that only adds the bias', () => {
    const state = mobileNetV2(detector(), 'detector')
    expect(state.size).toBe(5 * 52)
    const shapes = Object.fromEntries([...state].map(([name, { shape }]) => [name, shape]))
    expect(shapes).toMatchObject({
      'backbone.conv1.conv.weight': [32, 3, 3, 3],
      'backbone.conv1.bn.running_mean': [32],
      'backbone.layer1.0.conv.0.conv.weight': [32, 1, 3, 3],
      'backbone.layer1.0.conv.1.conv.weight': [16, 32, 1, 1],
      'backbone.layer2.0.conv.0.conv.weight': [96, 16, 1, 1],
      'backbone.layer4.3.conv.1.conv.weight': [384, 1, 3, 3],
      'backbone.layer5.2.conv.2.bn.bias': [96],
      'backbone.layer7.0.conv.2.conv.weight': [320, 960, 1, 1],
      'backbone.conv2.conv.weight': [1280, 320, 1, 1],
    })
    const value = (name: string) => toFloat32(state.get(`backbone.layer3.1.conv.2.bn.${name}`)!)[5]!
    expect(value('bias')).toBe(Math.fround(4.5)) // Block 4's projection.
    expect(value('weight')).toBe(1)
    expect(value('running_mean')).toBe(0)
    expect(value('running_var') + 1e-5).toBeCloseTo(1, 7)
  })

  test('names the convolution that is missing or other', () => {
    const without = detector().filter(({ name }) => !name.includes('expanded_conv_7/depthwise'))
    expect(() => mobileNetV2(without, 'd')).toThrow("d: no convolution 'MobilenetV2/expanded_conv_7/depthwise'")
    const narrow = detector().map((one) => (one.shape[0] === 1280 ? { ...one, shape: [640, 320, 1, 1] as const } : one))
    expect(() => mobileNetV2(narrow, 'd')).toThrow("'MobilenetV2/Conv_1' has the shape [640,320,1,1]")
    const strided = detector().map((one) => ({ ...one, stride: 1 }))
    expect(() => mobileNetV2(strided, 'd')).toThrow(
      "'MobilenetV2/Conv' has the shape [32,3,3,3] and stride 1, expected",
    )
  })
})

describe('the package', () => {
  test('a member of a tar archive is found behind others, also by its prefix', () => {
    const archive = tar([
      ['package/a', 'first'],
      ['package/b', 'x'.repeat(600)],
      ['deep/package/c', 'last'],
    ])
    const text = (member: string) => new TextDecoder().decode(tarMember(archive, member, 'archive'))
    expect(text('package/a')).toBe('first')
    expect(text('package/b')).toHaveLength(600)
    expect(text('deep/package/c')).toBe('last')
    expect(() => text('package/d')).toThrow('archive: it holds no package/d')
    archive[1024] = 0x7a
    expect(() => text('deep/package/c')).toThrow('archive: the tar header at byte 1024 is damaged')
  })

  test('any other file than the known package is refused, and nothing is written', async () => {
    const folder = await temporaryFolder()
    const bytes = new TextEncoder().encode('another version')
    expect(() => detectorOf(bytes, 'other.tgz')).toThrow(
      /^other\.tgz: 15 bytes with integrity sha512-.*expected sha512-IoWuW0/,
    )
    await expect(writePretrained(join(folder, 'x.safetensors'), { name: 'other.tgz', bytes })).rejects.toThrow(
      PretrainedFileError,
    )
    expect(await readdir(folder)).toEqual([])
  })

  test('what npm says is passed on, with a way out', async () => {
    const failing =
      (error: Error): RunProgram =>
      () =>
        Promise.reject(error)
    const offline = Object.assign(new Error('Command failed'), {
      code: 1,
      stderr:
        'npm warn x\nnpm error code ENOTFOUND\nnpm error network request failed\nnpm error A complete log of this run',
    })
    await expect(fetchPackage(failing(offline))).rejects.toThrow(
      `npm could not fetch ${packageSpec}: code ENOTFOUND network request failed; without a network`,
    )
    const missing = Object.assign(new Error('spawn npm ENOENT'), { code: 'ENOENT' })
    await expect(fetchPackage(failing(missing))).rejects.toThrow('the program npm was not found on the PATH')
    await expect(fetchPackage(() => Promise.resolve('nonsense'))).rejects.toThrow(PretrainedFetchError)
  })

  test('the archive that npm packed is read', async () => {
    const run: RunProgram = async (_program, args) => {
      expect(args).toContain(packageSpec)
      const { writeFile } = await import('node:fs/promises')
      await writeFile(join(args[args.indexOf('--pack-destination') + 1]!, 'p.tgz'), 'bytes')
      return JSON.stringify([{ filename: 'p.tgz' }])
    }
    expect(new TextDecoder().decode(await fetchPackage(run))).toBe('bytes')
  })

  test('its version stands in the licences', async () => {
    const notice = await readFile(new URL('../../../NOTICE', import.meta.url), 'utf8')
    expect(notice).toContain(packageSpec)
  })
})

/**
 * The convolutions of a whole MobileNetV2 as TensorFlow names them, with a box predictor among them. Biases are the number of the
 * block; those of its projection are larger by a half.
 */
function detector(): TfliteConvolution[] {
  const layers = [
    [16, 1, 1],
    [24, 2, 2],
    [32, 3, 2],
    [64, 4, 2],
    [96, 3, 1],
    [160, 3, 2],
    [320, 1, 1],
  ] as const
  const list = [convolution('Conv/Relu6;Z/MobilenetV2/expanded_conv_5/project/Conv2D', [32, 3, 3, 3], 2, 0)]
  let [channels, block] = [32, 0]
  for (const [outputs, blocks, stride] of layers) {
    for (let k = 0; k < blocks; k++, block++) {
      const hidden = block === 0 ? channels : 6 * channels
      const scope = block === 0 ? 'expanded_conv' : `expanded_conv_${block}`
      if (block > 0) list.push(convolution(`${scope}/expand/Relu6`, [hidden, channels, 1, 1], 1, block))
      list.push(convolution(`${scope}/depthwise/Relu6`, [hidden, 1, 3, 3], k === 0 ? stride : 1, block))
      list.push(convolution(`${scope}/project/BatchNorm`, [outputs, hidden, 1, 1], 1, block + 0.5))
      channels = outputs
    }
    if (block === 13) list.push({ ...convolution('', [12, 576, 1, 1], 1, 0), name: 'BoxPredictor_0/BiasAdd' })
  }
  return [...list, convolution('Conv_1/Relu6', [1280, channels, 1, 1], 1, 17)]
}

function convolution(name: string, shape: TfliteConvolution['shape'], stride: number, bias: number): TfliteConvolution {
  const [outputs, inputs, height, width] = shape
  return {
    name: `FeatureExtractor/MobilenetV2/${name}`,
    depthwise: inputs === 1,
    shape,
    weight: new Float32Array(outputs * inputs * height * width),
    bias: new Float32Array(outputs).fill(bias),
    stride,
  }
}

/** A ustar archive; what stands before `package/` goes into the prefix. */
function tar(files: readonly (readonly [string, string])[]): Uint8Array {
  const blocks = files.flatMap(([path, contents]) => {
    const header = Buffer.alloc(512)
    const at = Math.max(0, path.indexOf('package/'))
    header.write(path.slice(at), 0)
    header.write(path.slice(0, Math.max(0, at - 1)), 345)
    header.write(contents.length.toString(8).padStart(11, '0'), 124)
    header.write('0', 156)
    header.write('ustar\0', 257)
    header.fill(' ', 148, 156)
    const sum = header.reduce((total, byte) => total + byte, 0)
    header.write(`${sum.toString(8).padStart(6, '0')}\0`, 148)
    const body = Buffer.alloc(512 * Math.ceil(contents.length / 512))
    body.write(contents)
    return [header, body]
  })
  return new Uint8Array(Buffer.concat([...blocks, Buffer.alloc(1024)]))
}
