// Files that are far larger than any of their kind are refused before they are read, by every reader of text.

import { execFileSync, spawn } from 'node:child_process'
import { mkdir, open, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readSource } from '../../src/siamrpn/source.ts'
import { openBenchmark } from '../../tools/benchmarks/open-benchmark.ts'
import { readResults } from '../../tools/benchmarks/results/read-results.ts'
import { readCorrections } from '../../tools/cli/teach/corrections.ts'
import { readClips } from '../../tools/datasets/clip-folder.ts'
import { readRun } from '../../tools/evaluation/result-store.ts'
import { openFrames } from '../../tools/frames/frames.ts'
import { readGroundTruth } from '../../tools/frames/ground-truth.ts'
import { readImage } from '../../tools/frames/image.ts'
import { eachRow } from '../../tools/frames/number-rows.ts'
import { FileSizeError, mostJsonBytes, mostTextBytes, readBounded } from '../../tools/read-bounded.ts'
import { readTrainingLog } from '../../tools/report/training-log.ts'
import { readConfigFile } from '../../tools/training/config-file.ts'
import { temporaryFolder } from './frames/helpers.ts'

/** A file with a hole: it takes no room on the disk. */
async function large(file: string, bytes: number): Promise<string> {
  await mkdir(join(file, '..'), { recursive: true })
  const handle = await open(file, 'w')
  await handle.truncate(bytes)
  await handle.close()
  return file
}

test('a file within the bound is read, a larger one is not', async () => {
  const file = join(await temporaryFolder(), 'a.txt')
  await writeFile(file, 'abc')
  expect((await readBounded(file, 3)).toString()).toBe('abc')
  await expect(readBounded(file, 2)).rejects.toThrow(FileSizeError)
  await expect(readBounded(file, 2)).rejects.toThrow(`${file} has 3 bytes, expected at most 2`)
})

test.runIf(process.platform === 'linux')('what has no end is read to its bound, a device not at all', async () => {
  const folder = await temporaryFolder()
  const names = ['a.jpg', 'a.json', 'a.safetensors', 'a.zip', 'a.py']
  for (const name of names) await symlink('/dev/zero', join(folder, name))
  const [image = '', json = '', , archive = '', python = ''] = names.map((name) => join(folder, name))
  await expect(readImage(image)).rejects.toThrow(/a\.jpg is a device, expected a file/)
  await expect(openFrames(image)).rejects.toThrow(FileSizeError)
  await expect(readCorrections(json)).rejects.toThrow(/is a device/)
  await expect(readResults(archive, benchmark as never, () => {})).rejects.toThrow(/is a device/)
  await expect(readConfigFile(python)).rejects.toThrow(FileSizeError)
  await expect(readSource(join(folder, 'a.safetensors'))).rejects.toThrow(/is a device, expected a file/)
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  const endless = spawn('sh', ['-c', `yes > ${pipe}`], { stdio: 'ignore' })
  onTestFinished(() => void endless.kill())
  await expect(readBounded(pipe, 1e6)).rejects.toThrow(FileSizeError)
})

const box = { x: 1, y: 2, width: 30, height: 20 }
const benchmark = {
  ...{ type: 'otb100', title: 'a', protocol: 'ope' },
  sequences: [{ name: 'a', images: ['1'], boxes: [box], visible: [true], attributes: [] }],
} as const

test.each<[string, string, number, (file: string, folder: string) => Promise<unknown>]>([
  ['a configuration', 'config.json', mostTextBytes, readConfigFile],
  ['a Python configuration', 'config.py', mostTextBytes, readConfigFile],
  ['a ground truth', 'groundtruth.txt', mostJsonBytes, (file) => readGroundTruth(file)],
  ['corrections', 'corrections.json', mostJsonBytes, (file) => readCorrections(file)],
  ['a log', 'a.log.json', mostJsonBytes, (file) => readTrainingLog([file])],
  ['an evaluation', 'run.json', mostJsonBytes, (_, folder) => readRun(folder)],
  ['a list of sequences', 'list.txt', mostTextBytes, (_, folder) => openBenchmark({ type: 'vot2018', root: folder })],
  ["a tracker's results", 'a.txt', mostTextBytes, (_, folder) => readResults(folder, benchmark as never, () => {})],
])('%s above its bound is refused by its size', async (_, name, most, read) => {
  const folder = await temporaryFolder()
  const file = await large(join(folder, name), most + 1)
  const reading = read(file, folder)
  await expect(reading).rejects.toBeInstanceOf(FileSizeError)
  await expect(reading).rejects.toThrow(`${file} has ${most + 1} bytes, expected at most ${most}`)
})

test('a configuration of more names than any has is refused before it is parsed', async () => {
  const file = join(await temporaryFolder(), 'config.json')
  await writeFile(file, `{${Array.from({ length: 300_000 }, (_, k) => `"k${k}":0`).join()}}`)
  const start = process.cpuUsage()
  await expect(readConfigFile(file)).rejects.toThrow('holds too many names and values, expected at most 400000')
  expect(process.cpuUsage(start).user / 1e6).toBeLessThan(1)
})

test('a list of more lines than any has is refused, whatever ends them', async () => {
  for (const end of ['\n', '\r']) {
    const root = await temporaryFolder()
    await writeFile(join(root, 'list.txt'), end.repeat(400_001))
    await expect(openBenchmark({ type: 'vot2018', root })).rejects.toThrow(/has more than 200000 lines/)
  }
})

test('flags of a clip above their bound are refused, not passed over', async () => {
  const folder = await temporaryFolder()
  const clip = join(folder, 'clip')
  await mkdir(clip)
  await writeFile(join(clip, 'groundtruth.txt'), '1,2,3,4\n')
  await writeFile(join(clip, '1.jpg'), '')
  await large(join(clip, 'absence.label'), mostTextBytes + 1)
  await expect(readClips(folder)).rejects.toThrow(FileSizeError)
})

test('lines without end are not counted for ever', async () => {
  const broken: string[] = []
  const { lines } = eachRow(
    '1\n'.repeat(1_500_010),
    () => {},
    (line, message) => broken.push(`${line}: ${message}`),
  )
  expect(lines).toBe(1_500_000)
  expect(broken).toEqual(['1500001: more than 1500000 lines, expected one for each frame'])
  const log = join(await temporaryFolder(), 'a.log.json')
  await writeFile(log, `{"seed":1}\n${'\n'.repeat(500_001)}{"mode":"train","epoch":1}\n`)
  await expect(readTrainingLog([log])).rejects.toThrow('has more than 500000 lines')
})
