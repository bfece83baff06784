// The default model: the classes of r50, three of its stages and narrow, trained from scratch, backbone and batch norms included,
// on clips that the project renders itself. Small enough to train on a CPU in hours.

import type { ConfigInput } from '../src/siamrpn/config.ts'
import { r50 } from './r50.ts'

export const tiny = {
  ...r50,
  model: {
    ...r50.model,
    backbone: {
      ...r50.model.backbone,
      base_channels: 8,
      stem_channels: 8,
      num_stages: 3,
      out_indices: [1, 2],
      frozen_stages: -1,
      norm_eval: false,
      init_cfg: null,
    },
    neck: { ...r50.model.neck, in_channels: [64, 128], out_channels: 32 },
    head: { ...r50.model.head, in_channels: [32, 32] },
  },
  work_dir: './work_dirs/tiny',
} satisfies ConfigInput
