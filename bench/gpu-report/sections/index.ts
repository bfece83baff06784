// The sections of the report, in their order: what later ones need comes first.

import type { Roofline } from '../../roofline.ts'
import type { Section } from '../report.ts'
import { adapterSection, rooflineSection } from './adapter.ts'
import { formsSection } from './forms.ts'
import { layersSection } from './layers.ts'
import { pytorchSection } from './pytorch.ts'
import { trackingSection } from './tracking.ts'
import { trainingSection } from './training.ts'

export function reportSections(): Section[] {
  let roofline: Roofline | undefined
  const known = () => roofline
  const found = (measured: Roofline) => {
    roofline = measured
  }
  return [
    adapterSection,
    rooflineSection(found),
    formsSection,
    trackingSection(known),
    layersSection(known),
    trainingSection(known),
    pytorchSection(),
  ]
}
