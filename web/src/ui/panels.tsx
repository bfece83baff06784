// The panels beside the stage: targets, what may be done with the selected one, export and import, weights, and facts.

import type { ComponentChildren } from 'preact'
import { useRef } from 'preact/hooks'
import { correctionCount } from '../model/project.ts'
import type { ExportKind } from '../session/export.ts'
import type { Session } from '../session/session.ts'

export function Panel({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="panel">
      <h2>{title}</h2>
      {children}
    </section>
  )
}

export function Targets({ session }: { session: Session }) {
  const project = session.project.value
  if (!project) return null
  const { value: selected } = session.selected
  return (
    <Panel title="Targets">
      {project.targets.length === 0 && (
        <p class="hint">Drag on the picture, or press N on it, to draw the first box.</p>
      )}
      <ul class="targets">
        {project.targets.map(({ id, name, colour, marks }) => (
          <li key={id} class={id === selected ? 'selected' : ''}>
            <input
              type="radio"
              name="target"
              aria-label={`Select ${name}`}
              checked={id === selected}
              onChange={() => {
                session.selected.value = id
              }}
            />
            <svg class="swatch" aria-hidden="true" viewBox="0 0 10 10">
              <rect width="10" height="10" rx="2" fill={colour} />
            </svg>
            <input
              type="text"
              class="name"
              aria-label={`Name of target ${id}`}
              value={name}
              onChange={(event) => session.rename(id, event.currentTarget.value)}
            />
            <span class="count" title="Marks set by hand">
              {marks.size}
            </span>
            <button type="button" class="icon" aria-label={`Remove ${name}`} onClick={() => session.remove(id)}>
              ×
            </button>
          </li>
        ))}
      </ul>
    </Panel>
  )
}

export function Corrections({ session }: { session: Session }) {
  const project = session.project.value
  const target = project?.targets.find(({ id }) => id === session.selected.value)
  if (!project || !target) return null
  const frame = session.frame.value
  const mark = target.marks.get(frame)
  const busy = session.following.value
  return (
    <Panel title="Correct">
      <p class="hint">Drag the box in any frame: it is followed again from there.</p>
      <label class="check">
        <input
          type="checkbox"
          checked={session.alsoBackwards.value}
          onChange={(event) => {
            session.alsoBackwards.value = event.currentTarget.checked
          }}
        />
        Also backwards to the last correction
      </label>
      <label class="field">
        Stop when the score falls below
        <input
          type="number"
          min={0}
          max={1}
          step={0.05}
          value={session.lowScore.value}
          onChange={(event) => {
            session.lowScore.value = Math.min(1, Math.max(0, Number(event.currentTarget.value)))
          }}
        />
      </label>
      <div class="buttons">
        <button type="button" disabled={busy} onClick={() => void session.correct(target.id, { kind: 'absent' })}>
          Absent here
        </button>
        {mark && (
          <button
            type="button"
            disabled={busy || target.marks.size < 2}
            onClick={() => session.unmark(target.id, frame)}
          >
            Remove this mark
          </button>
        )}
      </div>
      <p class="hint">{correctionCount(project)} marks set by hand in all.</p>
    </Panel>
  )
}

const exportKinds: readonly { readonly kind: ExportKind; readonly label: string }[] = [
  { kind: 'json', label: 'JSON, complete' },
  { kind: 'csv', label: 'CSV' },
  { kind: 'mot', label: 'MOT' },
  { kind: 'coco', label: 'COCO-VID' },
  { kind: 'clip', label: 'Clip folder (zip)' },
  { kind: 'mp4', label: 'Video, MP4' },
  { kind: 'webm', label: 'Video, WebM' },
]

export function ExportPanel({ session }: { session: Session }) {
  const format = useRef<HTMLSelectElement>(null)
  const file = useRef<HTMLInputElement>(null)
  if (!session.project.value || session.live.value) return null
  const busy = session.following.value || session.progress.value !== undefined
  return (
    <Panel title="Export and import">
      <div class="buttons">
        <select ref={format} aria-label="Format to export">
          {exportKinds.map(({ kind, label }) => (
            <option key={kind} value={kind}>
              {label}
            </option>
          ))}
        </select>
        <button
          type="button"
          disabled={busy}
          onClick={() => void session.export((format.current?.value ?? 'json') as ExportKind)}
        >
          Export
        </button>
        <button type="button" disabled={busy} onClick={() => file.current?.click()}>
          Import…
        </button>
      </div>
      <input
        ref={file}
        type="file"
        class="hidden"
        tabIndex={-1}
        aria-label="Annotation file to import"
        data-testid="import"
        accept=".json,.csv,.txt"
        onChange={(event) => {
          const [chosen] = event.currentTarget.files ?? []
          event.currentTarget.value = ''
          if (chosen) void session.import(chosen)
        }}
      />
    </Panel>
  )
}

export function Model({ session }: { session: Session }) {
  const file = useRef<HTMLInputElement>(null)
  const { value: adapter } = session.adapter
  const { value: time } = session.stepTime
  return (
    <Panel title="Tracker">
      <dl class="facts">
        <dt>Model</dt>
        <dd>{session.modelName.value}</dd>
        <dt>Adapter</dt>
        <dd>{adapter ? adapter.description + (adapter.software ? ' (no GPU: slow)' : '') : '…'}</dd>
        <dt>Per frame</dt>
        <dd data-testid="speed">
          {time === undefined ? '–' : `${time.toFixed(0)} ms, ${(1000 / time).toFixed(1)} frames/s`}
        </dd>
      </dl>
      <div class="buttons">
        <button type="button" disabled={session.following.value} onClick={() => file.current?.click()}>
          Own weights…
        </button>
        <button type="button" disabled={session.following.value} onClick={() => void session.loadModel(undefined)}>
          Use the model that ships
        </button>
      </div>
      <input
        ref={file}
        type="file"
        class="hidden"
        tabIndex={-1}
        aria-label="Weights of MMTracking, pysot or safetensors"
        data-testid="weights"
        accept=".safetensors,.pth,.pt"
        onChange={(event) => {
          const [chosen] = event.currentTarget.files ?? []
          event.currentTarget.value = ''
          if (chosen) void chosen.arrayBuffer().then((bytes) => session.loadModel({ name: chosen.name, bytes }))
        }}
      />
    </Panel>
  )
}
