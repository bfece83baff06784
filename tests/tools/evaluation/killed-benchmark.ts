// The videos of the process that kill.test.ts ends before its time.

import type { Benchmark } from '../../../tools/benchmarks/types.ts'
import { box, sequenceOf } from './fakes.ts'

const videos = 24
const frames = 12

export function killedBenchmark(): Benchmark {
  const sequences = Array.from({ length: videos }, (_, video) => {
    const boxes = Array.from({ length: frames }, (_, frame) => box(video + frame))
    return sequenceOf(`video-${video}`, boxes)
  })
  return { type: 'folder', title: 'Clips', protocol: 'ope', sequences }
}
