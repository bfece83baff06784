// The panels beside the stage: targets, what may be done with the selected one, export and import, weights, and facts.

import type { ComponentChildren } from 'preact'
import { useRef } from 'preact/hooks'
import { correctionCount, counted } from '../model/project.ts'
import type { ExportKind } from '../session/export.ts'
import type { Session } from '../session/session.ts'
import type { AdapterInfo } from '../worker/protocol.ts'
import { keyHelp } from './keys.ts'

export function Panel({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="panel">
      <h2>{title}</h2>
      {children}
    </section>
  )
}

export function Targets({ session }: { session: Session }) {
  const project = session.workspace.project.value
  if (!project) return null
  const { value: selected } = session.workspace.selected
  return (
    <Panel title="Targets">
      {project.targets.length === 0 && (
        <p class="hint">Drag on the picture, or press N on it, to draw the first box.</p>
      )}
      <ul class="targets">
        {project.targets.map(({ id, name, color, marks }) => (
          <li key={id} class={id === selected ? 'selected' : ''}>
            <input
              type="radio"
              name="target"
              aria-label={`Select ${name}`}
              checked={id === selected}
              onChange={() => {
                session.workspace.selected.value = id
              }}
            />
            <svg class="swatch" aria-hidden="true" viewBox="0 0 10 10">
              <rect width="10" height="10" rx="2" fill={color} />
            </svg>
            <input
              type="text"
              class="name"
              aria-label={`Name of target ${id}`}
              value={name}
              onChange={(event) => session.targets.rename(id, event.currentTarget.value)}
            />
            <span class="count" title="Marks set by hand">
              {marks.size}
            </span>
            <button type="button" class="icon" aria-label={`Remove ${name}`} onClick={() => session.targets.remove(id)}>
              ×
            </button>
          </li>
        ))}
      </ul>
    </Panel>
  )
}

export function Corrections({ session }: { session: Session }) {
  const project = session.workspace.project.value
  const target = project?.targets.find(({ id }) => id === session.workspace.selected.value)
  if (!project || !target) return null
  const frame = session.workspace.frame.value
  const mark = target.marks.get(frame)
  const busy = session.workspace.activity.busy.value && !session.workspace.live.value
  return (
    <Panel title="Correct">
      <p class="hint">Drag the box in any frame: it is followed again from there.</p>
      <label class="check">
        <input
          type="checkbox"
          checked={session.targets.alsoBackwards.value}
          onChange={(event) => {
            session.targets.alsoBackwards.value = event.currentTarget.checked
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
          value={session.targets.lowScore.value}
          onChange={(event) => {
            session.targets.lowScore.value = Math.min(1, Math.max(0, Number(event.currentTarget.value)))
          }}
        />
      </label>
      <div class="buttons">
        <button
          type="button"
          disabled={busy}
          onClick={() => void session.targets.correct(target.id, { kind: 'absent' })}
        >
          Absent here
        </button>
        {mark && (
          <button
            type="button"
            disabled={busy || target.marks.size < 2}
            onClick={() => session.targets.unmark(target.id, frame)}
          >
            Remove this mark
          </button>
        )}
      </div>
      <p class="hint">{counted(correctionCount(project), 'mark')} set by hand in all.</p>
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
  if (!session.workspace.project.value || session.workspace.live.value) return null
  const busy = session.workspace.activity.busy.value
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
          onClick={() => void session.clips.export((format.current?.value ?? 'json') as ExportKind)}
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
          if (chosen) void session.clips.import(chosen)
        }}
      />
    </Panel>
  )
}

/** What weights from disk may be of; the first is the configuration that the file carries, or ResNet-50's. */
const architectures = [
  { name: '', label: 'as the file says, or ResNet-50' },
  { name: 'siamrpn_alex_dwxcorr', label: "pysot's AlexNet" },
  { name: 'siamrpn_mobilev2_l234_dwxcorr', label: "pysot's MobileNetV2" },
] as const

export function ModelPanel({ session }: { session: Session }) {
  const file = useRef<HTMLInputElement>(null)
  const architecture = useRef<HTMLSelectElement>(null)
  const open = async (chosen: File) => {
    const name = architecture.current?.value
    await session.model.load({ name: chosen.name, file: chosen, architecture: name || undefined })
  }
  const { value: adapter } = session.model.adapter
  const { value: time } = session.targets.stepTime
  const missing = session.missing.value !== undefined
  const busy = session.workspace.activity.busy.value || session.model.loading.value || missing
  return (
    <Panel title="Tracker">
      <dl class="facts">
        <dt>Model</dt>
        <dd>{session.model.name.value}</dd>
        <dt>Adapter</dt>
        <dd>{missing ? 'none' : adapterText(adapter)}</dd>
        <dt>Per frame</dt>
        <dd data-testid="speed">
          {time === undefined ? '–' : `${time.toFixed(0)} ms, ${(1000 / time).toFixed(1)} frames/s`}
        </dd>
      </dl>
      <label class="field stacked">
        Own weights are
        <select ref={architecture} disabled={busy}>
          {architectures.map(({ name, label }) => (
            <option key={name} value={name}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <div class="buttons">
        <button type="button" disabled={busy} onClick={() => file.current?.click()}>
          Own weights…
        </button>
        <button type="button" disabled={busy} onClick={() => void session.model.load(undefined)}>
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
        accept=".safetensors,.pth,.pt,.model"
        onChange={(event) => {
          const [chosen] = event.currentTarget.files ?? []
          event.currentTarget.value = ''
          if (chosen) void open(chosen).catch((error) => session.workspace.complain(error))
        }}
      />
    </Panel>
  )
}

function adapterText(adapter: AdapterInfo | undefined): string {
  if (!adapter) return '…'
  return adapter.software ? `${adapter.description} (no GPU: slow)` : adapter.description
}

export function KeysPanel() {
  return (
    <section class="panel">
      <details>
        <summary>
          <h2>Keys</h2>
        </summary>
        <p class="hint">They act where the focus is on the picture or on the timeline.</p>
        <dl class="facts keys">
          {keyHelp.map(({ shown, what }) => (
            <>
              <dt>
                <kbd>{shown}</kbd>
              </dt>
              <dd>{what}</dd>
            </>
          ))}
        </dl>
      </details>
    </section>
  )
}
