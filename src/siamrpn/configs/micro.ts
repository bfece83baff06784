// The classes of r50 at 1/32 of its width: its checkpoints are small enough to be test data.

import type { ConfigInput } from '../config.ts'
import { r50 } from './r50.ts'

export const micro = {
  ...r50,
  model: {
    ...r50.model,
    backbone: { ...r50.model.backbone, base_channels: 2, stem_channels: 4, init_cfg: null },
    neck: { ...r50.model.neck, in_channels: [16, 32, 64], out_channels: 8 },
    head: { ...r50.model.head, in_channels: [8, 8, 8] },
  },
  work_dir: './work_dirs/micro',
} satisfies ConfigInput
