import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { FeatureError } from '../../src/gpu/errors.ts'
import { Profile } from '../../src/gpu/profiler.ts'
import { capture } from '../../src/gpu/program.ts'
import { scale } from './scale.ts'

describe('Profile', () => {
  const profile = new Profile('p', [
    { label: 'conv1', kernel: 'gemm.wgsl', start: 0, ms: 1, flops: 4e6, bytes: 1e6 },
    { label: 'conv2', kernel: 'gemm.wgsl', start: 1.5, ms: 3, flops: 6e6, bytes: 0 },
    { label: 'pool', kernel: 'pool.wgsl', start: 4.5, ms: 4, flops: 0, bytes: 2e6 },
  ])

  test('prints a table, slowest first', () => {
    expect(profile.table().split('\n')).toEqual([
      'label  kernel        ms      %  GFLOP/s  GB/s',
      'pool   pool.wgsl  4.000   50.0           0.50',
      'conv2  gemm.wgsl  3.000   37.5     2.00',
      'conv1  gemm.wgsl  1.000   12.5     4.00  1.00',
      'total             8.000  100.0     1.25  0.38',
    ])
  })

  test('sums by kernel', () => {
    const [, first, second] = profile.table('kernel').split('\n')
    expect(first).toMatch(/gemm\.wgsl +4\.000 +50\.0 +2\.50 +0\.25/)
    expect(second).toMatch(/pool\.wgsl +4\.000/)
  })

  test('shows which forms of kernels were chosen, and sums them apart', () => {
    const [conv1, conv2, pool] = profile.entries
    const forms = new Profile('p', [{ ...conv1!, form: 'narrow' }, { ...conv2!, form: 'wide' }, pool!])
    expect(forms.table('kernel').split('\n')).toEqual([
      'label  kernel     form       ms      %  GFLOP/s  GB/s',
      '       pool.wgsl          4.000   50.0           0.50',
      '       gemm.wgsl  wide    3.000   37.5     2.00',
      '       gemm.wgsl  narrow  1.000   12.5     4.00  1.00',
      'total                     8.000  100.0     1.25  0.38',
    ])
    expect(forms.chromeTrace().traceEvents[0]).toMatchObject({ args: { form: 'narrow' } })
  })

  test('writes a Chrome trace in microseconds', () => {
    const { traceEvents } = profile.chromeTrace()
    expect(traceEvents[1]).toMatchObject({ name: 'conv2', cat: 'gemm.wgsl', ph: 'X', ts: 1500, dur: 3000 })
    expect(traceEvents).toHaveLength(3)
  })
})

describe('Program.profile', () => {
  let device: Device
  beforeAll(async () => {
    device = await openDevice()
  })
  afterAll(() => device.close())

  test('times every dispatch in order', async () => {
    const input = device.empty([1 << 16])
    const program = await capture(device, (r) => scale(r, scale(r, input, 2), 3))
    const before = device.memory.bytes
    const { entries } = await program.profile()
    expect(entries.map(({ label, kernel, flops }) => [label, kernel, flops])).toEqual([
      ['scale 2', 'scale.wgsl', 1 << 17],
      ['scale 3', 'scale.wgsl', 1 << 17],
    ])
    for (const { ms } of entries) expect(ms).toBeGreaterThan(0)
    expect(entries[1]!.start).toBeGreaterThanOrEqual(entries[0]!.ms)
    expect((await device.readF32(program.result))[0]).toBe(4)
    expect(device.memory.bytes - before).toBeLessThan(1 << 21) // pooled staging only
  })

  test('splits programs with more dispatches than a query set can hold', async () => {
    const input = device.empty([4])
    const program = await capture(device, (r) => {
      let x = input
      for (let k = 0; k < 2050; k++) x = scale(r, x, 0)
      return x
    })
    const { entries } = await program.profile()
    expect(entries).toHaveLength(2050)
    expect(entries[2049]!.start).toBeGreaterThan(entries[2047]!.start)
  })

  test('says that timestamps are missing', async () => {
    const plain = await openDevice({ hideFeatures: ['timestamp-query'] })
    const input = plain.empty([4])
    const program = await capture(plain, (r) => scale(r, input, 2))
    await expect(program.profile()).rejects.toThrow(FeatureError)
    await expect(program.profile()).rejects.toThrow('needs the feature timestamp-query')
    await plain.close()
  })
})
