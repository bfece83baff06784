// Every form of the convolution kernels against float64, on small problems: what compiles and what is right here.

import { openDevice } from '../../../src/gpu/device.ts'
import { kernelTolerance } from '../../../tests/helpers/host-tensors.ts'
import {
  defaultForms,
  type FormCheck,
  matrixForms,
  registerForms,
  shuffleForms,
  tileForms,
} from '../../../tests/kernels/conv/forms.ts'
import type { Section } from '../report.ts'

export interface FormResult {
  readonly form: string
  /** Largest difference over the largest magnitude; null where a value was not written. */
  readonly error?: number | null
  readonly seconds: number
  readonly failure?: string
}

export const formsSection: Section = {
  name: 'forms',
  title: 'Every kernel form against float64',
  share: 4,
  async run({ budget, signal, say }) {
    // Subgroup matrices are behind this switch in Dawn.
    const device = await openDevice({ toggles: ['enable-dawn-features=allow_unsafe_apis'] })
    try {
      const all = [...defaultForms(device.adapter), ...interleave(tileForms, registerForms, shuffleForms, matrixForms)]
      const suited = all.filter(({ suits }) => suits(device.adapter))
      const results: FormResult[] = []
      for (const check of suited) {
        if (budget.left === 0 || signal.aborted) break
        say(check.name)
        const start = performance.now()
        const outcome = await check.error(device).then(
          (error) => ({ error: Number.isNaN(error) ? null : error }),
          (error: unknown) => ({ failure: error instanceof Error ? error.message : String(error) }),
        )
        results.push({ form: check.name, seconds: (performance.now() - start) / 1000, ...outcome })
        device.check()
      }
      const wrong = results.filter(({ error }) => !(error != null && error <= kernelTolerance))
      const right = results.length - wrong.length
      const missing = suited.length - results.length
      return {
        data: { tolerance: kernelTolerance, results, notTested: suited.slice(results.length).map(({ name }) => name) },
        tables: [
          {
            title: '',
            titles: ['forms for this adapter', 'right', 'wrong or refused', 'not tested', 'not for this adapter'],
            rows: [[suited.length, right, wrong.length, missing, all.length - suited.length].map(String)],
          },
          { title: 'Wrong or refused', titles: ['form', 'error', 'message'], rows: wrong.map(wrongRow) },
          {
            title: 'Largest errors of right ones',
            titles: ['form', 'error', 'seconds'],
            rows: largest(results, wrong),
          },
        ],
        notes: missing > 0 ? [`${missing} forms were not tested: the time did not suffice.`] : [],
      }
    } finally {
      await device.close()
    }
  },
}

function wrongRow({ form, error, failure = '' }: FormResult): string[] {
  return [form, error === null ? 'not written' : (error?.toExponential(1) ?? ''), failure]
}

function largest(results: readonly FormResult[], wrong: readonly FormResult[]): string[][] {
  const right = results.filter((result) => !wrong.includes(result))
  const sorted = right.toSorted((a, b) => (b.error ?? 0) - (a.error ?? 0)).slice(0, 5)
  return sorted.map(({ form, error, seconds }) => [form, error?.toExponential(1) ?? '', seconds.toFixed(2)])
}

/** The families in turn, so that little time sees some of each. */
function interleave(...families: readonly (readonly FormCheck[])[]): FormCheck[] {
  const longest = Math.max(...families.map(({ length }) => length))
  return Array.from({ length: longest }, (_, k) => families.flatMap((family) => family[k] ?? [])).flat()
}
