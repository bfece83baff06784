import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { trainingPlots } from '../../../tools/report/plots/training.ts'
import { readTrainingLog } from '../../../tools/report/training-log.ts'

const folder = mkdtempSync(join(tmpdir(), 'siamrpn-log-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, lines: readonly (object | string)[]): string {
  const path = join(folder, name)
  writeFileSync(path, lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'))
  return path
}
const step = (epoch: number, iter: number, loss: number) => ({ mode: 'train', epoch, iter, lr: 0.01, loss })

test('lines become steps in epochs, and what was measured stands apart', async () => {
  const log = await readTrainingLog([
    file('a.json', [
      { env_info: 'x', seed: 1 },
      step(1, 5, 3),
      step(1, 10, 2),
      step(2, 5, 1),
      { mode: 'val', epoch: 1, iter: 3, success: 40 },
    ]),
  ])
  expect(log.iterationsPerEpoch).toBe(10)
  expect(log.train.map(({ epoch, values }) => [epoch, values.loss])).toEqual([
    [0.5, 3],
    [1, 2],
    [1.5, 1],
  ])
  expect(log.held).toEqual([{ epoch: 1, values: { success: 40 } }])
})

test('of a resumed run the later file counts', async () => {
  const files = [file('b.json', [step(1, 10, 9), step(2, 5, 8)]), file('c.json', [step(2, 5, 7), step(2, 10, 6)])]
  expect((await readTrainingLog(files)).train.map(({ values }) => values.loss)).toEqual([9, 7, 6])
})

test('the line that is being written is left alone; another broken line is named', async () => {
  expect((await readTrainingLog([file('d.json', [step(1, 1, 2), '{"mode":"tra'])])).train).toHaveLength(1)
  await expect(readTrainingLog([file('e.json', ['{"mode":', step(1, 1, 2)])])).rejects.toThrow(/e\.json:1: no JSON/)
  await expect(readTrainingLog([file('f.json', [{ a: 1 }])])).rejects.toThrow(/expected a file TIME\.log\.json/)
  await expect(readTrainingLog([join(folder, 'none')])).rejects.toThrow(/none.*ENOENT/)
})

test('there is a plot for everything the log has values for, rates of groups included', async () => {
  const lr = { backbone: 0.001, head: 0.01 }
  const train = Array.from({ length: 1000 }, (_, i) => ({
    ...step(1 + Math.floor(i / 100), 1 + (i % 100), 1 / (i + 1)),
    lr,
    grad_norm: 2,
  }))
  const plots = trainingPlots(
    await readTrainingLog([file('g.json', [...train, { mode: 'val', epoch: 1, success: 40 }])]),
  )
  expect(plots.map(({ id }) => id)).toEqual([
    'training-loss',
    'training-held-out',
    'training-rate',
    'training-gradient',
  ])
  const series = plots.map(({ option }) => option.series as { name: string; data: number[][] }[])
  expect(series[2]?.map(({ name }) => name)).toEqual(['lr backbone', 'lr head'])
  for (const { data } of series.flat()) {
    expect(data.length).toBeLessThanOrEqual(400)
    expect(data.flat().every(Number.isFinite)).toBe(true)
  }
})

test('a file of several that has no lines yet does not matter; hundreds of thousands of lines are read', async () => {
  const [empty, long] = [join(folder, 'empty.log.json'), join(folder, 'long.log.json')]
  writeFileSync(empty, '{"seed":1}\n')
  const lines = Array.from({ length: 200_000 }, (_, i) => `{"mode":"train","epoch":1,"iter":${i + 1},"loss":1}\n`)
  writeFileSync(long, lines.join(''))
  const log = await readTrainingLog([empty, long])
  expect(log.train).toHaveLength(200_000)
  expect(log.iterationsPerEpoch).toBe(200_000)
  await expect(readTrainingLog([empty])).rejects.toThrow(/no line of a training log/)
})
