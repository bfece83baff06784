// The classes of r50 at an eighth of its width: small enough for tests of the whole network and of tracking.

import type { ConfigInput } from '../config.ts'
import { r50 } from './r50.ts'

export const small = {
  ...r50,
  model: {
    ...r50.model,
    backbone: { ...r50.model.backbone, base_channels: 8, stem_channels: 8, init_cfg: null },
    neck: { ...r50.model.neck, in_channels: [64, 128, 256], out_channels: 16 },
    head: { ...r50.model.head, in_channels: [16, 16, 16] },
  },
  work_dir: './work_dirs/small',
} satisfies ConfigInput
