// pysot's small models at a part of their width, with search images of their own size: small enough to be taught in a test.

import { type Config, type ConfigInput, parseConfig } from '../../src/siamrpn/config.ts'
import { siamrpn_alex_dwxcorr } from '../../src/siamrpn/configs/siamrpn-alex-dwxcorr.ts'
import { siamrpn_mobilev2_l234_dwxcorr } from '../../src/siamrpn/configs/siamrpn-mobilev2-l234-dwxcorr.ts'

/** Channels of a head's level. */
const headWidth = 16

export function narrowPysot(name: 'siamrpn_alex_dwxcorr' | 'siamrpn_mobilev2_l234_dwxcorr'): Config {
  return parseConfig(name === 'siamrpn_alex_dwxcorr' ? narrowAlexNet() : narrowMobileNet(), name)
}

function narrowAlexNet(): ConfigInput {
  const { model } = siamrpn_alex_dwxcorr
  const backbone = { ...model.backbone, widen_factor: headWidth / 256 }
  return { model: { ...model, backbone, head: { ...model.head, in_channels: [headWidth] } } } as ConfigInput
}

function narrowMobileNet(): ConfigInput {
  const { model } = siamrpn_mobilev2_l234_dwxcorr
  const widen_factor = 0.25
  const in_channels = [32, 96, 320].map((channels) => Math.trunc(channels * widen_factor))
  return {
    model: {
      ...model,
      backbone: { ...model.backbone, widen_factor },
      neck: { ...model.neck, in_channels, out_channels: headWidth },
      head: { ...model.head, in_channels: [headWidth, headWidth, headWidth] },
    },
  } as ConfigInput
}
