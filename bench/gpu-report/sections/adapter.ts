// What the adapter is, and its roofline, against which the other sections are held.

import { openDevice } from '../../../src/gpu/device.ts'
import { machineFacts } from '../../report.ts'
import { measureRoofline, type Roofline } from '../../roofline.ts'
import { significant } from '../../table.ts'
import type { Section } from '../report.ts'

/** Facts of the adapter and of the machine. */
export const adapterSection: Section = {
  name: 'adapter',
  title: 'Adapter',
  share: 0.1,
  async run() {
    const device = await openDevice()
    try {
      const { adapter, gpu } = device
      const machine = machineFacts(adapter)
      const facts = { ...adapter, features: [...adapter.features].sort() }
      const offered = [...gpu.features].sort()
      const rows = Object.entries({ ...machine, ...facts }).map(([name, value]) => [
        name,
        typeof value === 'object' ? JSON.stringify(value) : String(value),
      ])
      const titles = ['fact', 'value']
      return { data: { machine, adapter: facts, offered }, tables: [{ title: '', titles, rows }] }
    } finally {
      await device.close()
    }
  },
}

/** @param found told the roofline, for the sections that follow */
export function rooflineSection(found: (roofline: Roofline) => void): Section {
  return {
    name: 'roofline',
    title: 'Roofline',
    share: 1,
    async run({ budget, say }) {
      const device = await openDevice()
      try {
        const roofline = await measureRoofline(device, say, () => budget.left > 0)
        found(roofline)
        const rows = roofline.probes.map(({ form, kind, rate }) => [
          form,
          kind === 'flops' ? significant(rate / 1e9) : '',
          kind === 'bytes' ? significant(rate / 1e9) : '',
        ])
        const best = ['best', significant(roofline.flops / 1e9), significant(roofline.bytes / 1e9)]
        return {
          data: roofline,
          tables: [{ title: '', titles: ['form', 'GFLOP/s', 'GB/s'], rows: [...rows, best] }],
        }
      } finally {
        await device.close()
      }
    },
  }
}
