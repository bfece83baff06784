// r50 trained in half precision: MMTracking's siamese_rpn_r50_fp16, whose hook is that of r50 with a loss scale.

import type { ConfigInput } from '../config.ts'
import { r50 } from './r50.ts'

export const r50Fp16 = {
  ...r50,
  fp16: { loss_scale: 512 },
  work_dir: './work_dirs/r50_fp16',
} satisfies ConfigInput
