// The panel that teaches: what it will do, how far it is, the loss as a curve, and the weights to take along.

import type { Session } from '../session/session.ts'
import { Panel } from './panels.tsx'

/** Marks from which teaching pays: the first box alone is a gamble. */
const FEWEST_MARKS = 2

export function TeachPanel({ session }: { session: Session }) {
  const project = session.project.value
  const target = project?.targets.find(({ id }) => id === session.selected.value)
  if (!target || session.live.value) return null
  const count = target.marks.size
  const boxes = [...target.marks.values()].filter(({ kind }) => kind === 'box').length
  const { value: teaching } = session.teaching
  const { value: taught } = session.taught
  if (count < FEWEST_MARKS && !taught) return null
  return (
    <Panel title="Teach">
      <p class="hint">
        Trains the tracker, here on this device, on the {count} frames of {target.name} that you marked ({boxes} with a
        box), then follows it again.{' '}
        {session.adapter.value?.software ? 'Without a GPU this takes some minutes.' : 'This takes a few seconds.'}
      </p>
      <div class="buttons">
        {teaching ? (
          <button type="button" data-testid="cancel-teach" onClick={() => void session.cancelTeaching()}>
            Cancel
          </button>
        ) : (
          <button
            type="button"
            class="primary"
            data-testid="teach"
            disabled={session.following.value}
            onClick={() => void session.teach(target.id)}
          >
            Teach {target.name}
          </button>
        )}
        {taught && !teaching && (
          <>
            <button type="button" data-testid="save-weights" onClick={() => void session.saveWeights()}>
              Save the weights
            </button>
            <button type="button" onClick={() => void session.forgetTeaching()}>
              Forget
            </button>
          </>
        )}
      </div>
      <LossCurve losses={session.losses.value} />
    </Panel>
  )
}

function LossCurve({ losses }: { losses: readonly number[] }) {
  if (losses.length < 2) return null
  const most = Math.max(...losses)
  const points = losses
    .map((loss, step) => `${(100 * step) / (losses.length - 1)},${40 - (38 * loss) / most}`)
    .join(' ')
  const [first = 0] = losses
  const last = losses.at(-1) ?? 0
  return (
    <svg class="curve" viewBox="0 0 100 40" preserveAspectRatio="none" role="img">
      <title>{`Loss of ${losses.length} steps, from ${first.toFixed(3)} to ${last.toFixed(3)}`}</title>
      <polyline
        points={points}
        fill="none"
        stroke="currentColor"
        stroke-width="1.5"
        vector-effect="non-scaling-stroke"
      />
    </svg>
  )
}
