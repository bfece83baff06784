// pysot's siamrpn_alex_dwxcorr, for tracking with its weights: AlexNet, no neck, one level, search images of 287 pixels.
// Source: experiments/siamrpn_alex_dwxcorr/config.yaml of pysot.

import type { ConfigInput } from '../config.ts'
import { r50 } from './r50.ts'

const exemplarSize = 127
const searchSize = 287

export const siamrpn_alex_dwxcorr = {
  model: {
    type: 'SiamRPN',
    backbone: { type: 'AlexNet', widen_factor: 1, frozen_stages: 5, norm_eval: true },
    neck: null,
    head: {
      ...r50.model.head,
      anchor_generator: { ...r50.model.head.anchor_generator, variant: 'pysot' },
      in_channels: [256],
      weighted_sum: false,
    },
    train_cfg: { rpn: { ...r50.model.train_cfg.rpn, exemplar_size: exemplarSize, search_size: searchSize } },
    test_cfg: {
      exemplar_size: exemplarSize,
      search_size: searchSize,
      context_amount: 0.5,
      // The whole map of an exemplar.
      center_size: 6,
      rpn: { penalty_k: 0.16, window_influence: 0.4, lr: 0.3 },
    },
  },
} satisfies ConfigInput
