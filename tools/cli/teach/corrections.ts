// Reads which frames of a video the tracker is taught on: a JSON list of corrections, a project of the page, or every
// so many lines of a ground truth.

import { parseJson } from 'siamrpn/formats'
import { z } from 'zod'
import { UsageError } from '../../errors.ts'
import type { GroundTruth } from '../../frames/ground-truth.ts'
import type { Box } from '../../frames/types.ts'
import { FileSizeError, mostJsonBytes, readBounded } from '../../read-bounded.ts'

/** One frame, and where the object is in it; null: it is not there. */
export interface Correction {
  /** From 0. */
  readonly frame: number
  readonly box: Box | null
}

const number = z.number().finite()
const boxSchema = z.union([
  z.object({ x: number, y: number, width: number.positive(), height: number.positive() }),
  z
    .tuple([number, number, number.positive(), number.positive()])
    .transform(([x, y, width, height]) => ({ x, y, width, height })),
])
const frameNumber = z.number().int().min(0).max(1e8)
const listSchema = z.array(z.object({ frame: frameNumber, box: boxSchema.nullable() })).min(1)
const projectSchema = z.object({
  format: z.literal('siamrpn-project'),
  targets: z
    .array(
      z.object({
        name: z.string(),
        marks: z.array(
          z.discriminatedUnion('kind', [
            z.object({ frame: frameNumber, kind: z.literal('box'), box: boxSchema }),
            z.object({ frame: frameNumber, kind: z.literal('absent') }),
          ]),
        ),
      }),
    )
    .min(1),
})

/**
 * Reads corrections: `[{ "frame": 0, "box": [x, y, w, h] }, { "frame": 40, "box": null }]`, or a project of the page.
 * @param target which target of a project with several, from 0
 * @throws UsageError with the file and what is wrong in it; FileSizeError
 */
export async function readCorrections(file: string, target = 0): Promise<Correction[]> {
  let value: unknown
  try {
    value = parseJson((await readBounded(file, mostJsonBytes)).toString())
  } catch (error) {
    if (error instanceof FileSizeError) throw error
    throw new UsageError(`${file} cannot be read as JSON: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    })
  }
  const project = projectSchema.safeParse(value)
  if (project.success) {
    const chosen = project.data.targets[target]
    if (!chosen)
      throw new UsageError(`${file} has ${project.data.targets.length} targets, but target ${target} was asked for`)
    return inOrder(
      chosen.marks.map((mark) => ({ frame: mark.frame, box: mark.kind === 'box' ? mark.box : null })),
      file,
    )
  }
  const list = listSchema.safeParse(value)
  if (list.success) return inOrder(list.data, file)
  const [issue] = list.error.issues
  const place = issue ? `at ${issue.path.join('.') || 'the top'}: ${issue.message}` : 'of another form'
  throw new UsageError(`${file} is no list of corrections ({ "frame": 0, "box": [x, y, w, h] or null }), ${place}`)
}

/** Frame 0 and every `step`-th after it, with what the ground truth says of them. @throws UsageError for an empty one */
export function everyNth(truth: GroundTruth, step: number, file: string): Correction[] {
  if (truth.length === 0) throw new UsageError(`${file} has no line`)
  return truth.flatMap((box, frame) => (frame % step === 0 ? [{ frame, box: box ?? null }] : []))
}

function inOrder(corrections: readonly Correction[], file: string): Correction[] {
  const sorted = corrections.toSorted((a, b) => a.frame - b.frame)
  for (const [index, { frame }] of sorted.entries()) {
    if (sorted[index + 1]?.frame === frame)
      throw new UsageError(`${file} has two boxes for frame ${frame}, expected one`)
  }
  return sorted
}
