// pysot's siamrpn_mobilev2_l234_dwxcorr, for tracking with its weights: its own MobileNetV2 of width 1.4 with dilated last layers,
// whose three outputs all have stride 8, and the average of three levels.
// Source: experiments/siamrpn_mobilev2_l234_dwxcorr/config.yaml of pysot.

import type { ConfigInput } from '../config.ts'
import { r50 } from './r50.ts'

const exemplarSize = 127
const searchSize = 255

export const siamrpn_mobilev2_l234_dwxcorr = {
  model: {
    type: 'SiamRPN',
    backbone: {
      type: 'MobileNetV2',
      variant: 'pysot',
      widen_factor: 1.4,
      out_indices: [2, 4, 6],
      strides: [1, 2, 2, 1, 1, 1, 1],
      dilations: [1, 1, 1, 2, 2, 4, 4],
      frozen_stages: 7,
      norm_eval: true,
    },
    neck: { ...r50.model.neck, in_channels: [44, 134, 448] },
    head: {
      ...r50.model.head,
      anchor_generator: { ...r50.model.head.anchor_generator, variant: 'pysot' },
      weighted_sum: false,
    },
    train_cfg: { rpn: { ...r50.model.train_cfg.rpn, exemplar_size: exemplarSize, search_size: searchSize } },
    test_cfg: {
      exemplar_size: exemplarSize,
      search_size: searchSize,
      context_amount: 0.5,
      center_size: 7,
      rpn: { penalty_k: 0.04, window_influence: 0.4, lr: 0.5 },
    },
  },
} satisfies ConfigInput
