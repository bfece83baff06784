// The panel that teaches: what it will do, how far it is, the loss as a curve, and the weights to take along.

import type { Session } from '../session/session.ts'
import { Panel } from './panels.tsx'

/** Marks from which teaching pays: the first box alone is a gamble. */
const fewestMarks = 2

/** Frames that could be followed while the tracker is taught on a few marks: measured on a software adapter, 525 to 591. */
const framesOfTeaching = 600

export function TeachPanel({ session }: { session: Session }) {
  const { value: target } = session.workspace.selectedTarget
  if (!target || session.workspace.live.value) return null
  const count = target.marks.size
  const boxes = [...target.marks.values()].filter(({ kind }) => kind === 'box').length
  const teaching = session.workspace.activity.kind.value === 'teaching'
  const busy = session.workspace.activity.busy.value
  const { value: taught } = session.model.taught
  if (count < fewestMarks && !taught) return null
  return (
    <Panel title="Teach">
      <p class="hint">
        Trains the tracker, here on this device, on the {count} frames of {target.name} that you marked ({boxes} with a
        box), then follows it again. {howLong(session)}
      </p>
      <div class="buttons">
        {teaching ? (
          <button type="button" data-testid="cancel-teach" onClick={() => void session.workspace.activity.stop()}>
            Cancel
          </button>
        ) : (
          <button
            type="button"
            class="primary"
            data-testid="teach"
            disabled={busy || session.model.loading.value}
            onClick={() => void session.teacher.teach(target.id)}
          >
            Teach {target.name}
          </button>
        )}
        {taught && !teaching && (
          <>
            <button type="button" data-testid="save-weights" onClick={() => void session.teacher.save()}>
              Save the weights
            </button>
            <button type="button" onClick={() => void session.model.forget()}>
              Forget
            </button>
          </>
        )}
      </div>
      <LossCurve losses={session.teacher.losses.value} />
    </Panel>
  )
}

/** From the time that a frame takes here, once one has been followed. */
function howLong({ targets, model, workspace }: Session): string {
  const { value: stepTime } = targets.stepTime
  if (stepTime === undefined) {
    return model.adapter.value?.software ? 'Without a GPU this takes some minutes.' : 'This takes a few seconds.'
  }
  const frames = framesOfTeaching + (workspace.project.value?.clip.frameCount ?? 0)
  return `Both together take about ${roughly((stepTime * frames) / 1000)}.`
}

function roughly(seconds: number): string {
  if (seconds < 90) return `${Math.max(5, Math.round(seconds / 5) * 5)} seconds`
  return `${Math.round(seconds / 60)} minutes`
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
