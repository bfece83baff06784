// The page: what to open, the stage with its controls and timeline, and the panels beside it.

import { useEffect, useRef } from 'preact/hooks'
import type { Session } from '../session/session.ts'
import { Corrections, ExportPanel, Model, Targets } from './panels.tsx'
import { Stage } from './stage.tsx'
import { TeachPanel } from './teach-panel.tsx'
import { Timeline } from './timeline.tsx'

export function App({ session }: { session: Session }) {
  const open = session.project.value !== undefined
  return (
    <div class="page">
      <header>
        <h1>siamrpn</h1>
        <p>Track anything in a video. Everything stays on this device.</p>
        <OpenButtons session={session} />
      </header>
      <Status session={session} />
      <main>
        {open ? (
          <div class="work">
            <Stage session={session} />
            {!session.live.value && <Controls session={session} />}
            {!session.live.value && <Timeline session={session} />}
          </div>
        ) : (
          <Welcome session={session} />
        )}
        <aside aria-label="Panels">
          <Targets session={session} />
          <Corrections session={session} />
          <TeachPanel session={session} />
          <ExportPanel session={session} />
          <Model session={session} />
        </aside>
      </main>
    </div>
  )
}

function Welcome({ session }: { session: Session }) {
  return (
    <div class="welcome">
      <p>
        <strong>Drop a video or images here</strong>, or open the sample. Draw a box around a thing, and watch it
        followed.
      </p>
      <ol>
        <li>Open a clip: MP4, WebM, MOV, images, or the camera.</li>
        <li>Draw a box. It is followed through the clip.</li>
        <li>Correct it where it is wrong, teach it your object, and export the boxes or the video.</li>
      </ol>
      <button type="button" class="primary" data-testid="sample" onClick={() => void session.openSample()}>
        Open the sample clip
      </button>
    </div>
  )
}

function OpenButtons({ session }: { session: Session }) {
  const file = useRef<HTMLInputElement>(null)
  const folder = useRef<HTMLInputElement>(null)
  // Every browser has this attribute, but no standard names it, so that it is set here.
  useEffect(() => folder.current?.setAttribute('webkitdirectory', ''))
  const choose = (event: Event & { currentTarget: HTMLInputElement }) => {
    const files = [...(event.currentTarget.files ?? [])]
    event.currentTarget.value = ''
    if (files.length > 0) void session.open(files)
  }
  return (
    <nav aria-label="Open" class="buttons">
      <button type="button" onClick={() => file.current?.click()}>
        Open files…
      </button>
      <button type="button" onClick={() => folder.current?.click()}>
        Open folder…
      </button>
      <button type="button" data-testid="camera" onClick={() => void session.openCamera()}>
        Camera
      </button>
      <button type="button" onClick={() => void session.openSample()}>
        Sample
      </button>
      <input
        ref={file}
        type="file"
        multiple
        class="hidden"
        tabIndex={-1}
        aria-label="Video or images"
        data-testid="open"
        accept="video/*,image/*,.zip,.mkv"
        onChange={choose}
      />
      <input ref={folder} type="file" class="hidden" tabIndex={-1} aria-label="Folder of images" onChange={choose} />
    </nav>
  )
}

function Status({ session }: { session: Session }) {
  const { value: missing } = session.missing
  const { value: notice } = session.notice
  const { value: progress } = session.progress
  return (
    <div class="status" aria-live="polite">
      {missing && (
        <p class="notice error" role="alert" data-testid="missing">
          {missing}
        </p>
      )}
      {progress && (
        <p class="notice" data-testid="progress">
          <label>
            {progress.stage}
            <progress value={progress.total > 0 ? progress.done / progress.total : undefined} />
          </label>
        </p>
      )}
      {notice && (
        <p class={`notice ${notice.kind}`} role={notice.kind === 'error' ? 'alert' : 'status'} data-testid="notice">
          {notice.text}
          <button
            type="button"
            class="icon"
            aria-label="Close this message"
            onClick={() => {
              session.notice.value = undefined
            }}
          >
            ×
          </button>
        </p>
      )}
    </div>
  )
}

function Controls({ session }: { session: Session }) {
  const project = session.project.value
  if (!project) return null
  const busy = session.following.value || session.playing.value
  const frame = session.frame.value
  const ids = project.targets.map(({ id }) => id)
  return (
    <div class="controls" role="toolbar" aria-label="Playback">
      <button type="button" aria-label="Frame before" disabled={busy} onClick={() => void session.seek(frame - 1)}>
        ◀
      </button>
      {busy ? (
        <button type="button" class="primary" data-testid="stop" onClick={() => session.stop()}>
          Pause
        </button>
      ) : (
        <button type="button" data-testid="play" onClick={() => void session.play()}>
          Play
        </button>
      )}
      <button type="button" aria-label="Next frame" disabled={busy} onClick={() => void session.seek(frame + 1)}>
        ▶
      </button>
      <button
        type="button"
        class="primary"
        data-testid="follow"
        disabled={busy || ids.length === 0 || !session.adapter.value}
        onClick={() => void session.follow(ids)}
      >
        Follow
      </button>
      <button type="button" disabled={!session.canUndo.value || busy} onClick={() => session.undo()}>
        Undo
      </button>
      <button type="button" disabled={!session.canRedo.value || busy} onClick={() => session.redo()}>
        Redo
      </button>
      <output data-testid="frame">
        Frame {frame + 1} of {project.clip.frameCount}
      </output>
    </div>
  )
}
