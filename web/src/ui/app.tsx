// The page: what to open, the stage with its controls and timeline, and the panels beside it.

import { useEffect, useRef } from 'preact/hooks'
import type { Session } from '../session/session.ts'
import { onPageKey } from './keys.ts'
import { Corrections, ExportPanel, KeysPanel, ModelPanel, Targets } from './panels.tsx'
import { Stage } from './stage.tsx'
import { TeachPanel } from './teach-panel.tsx'
import { Timeline } from './timeline.tsx'

export function App({ session }: { session: Session }) {
  const open = session.workspace.isOpen.value
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => onPageKey(session, event)
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [session])
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
            {!session.workspace.live.value && <Controls session={session} />}
            {!session.workspace.live.value && <Timeline session={session} />}
          </div>
        ) : (
          <Welcome session={session} />
        )}
        <aside aria-label="Panels">
          <Targets session={session} />
          <Corrections session={session} />
          <TeachPanel session={session} />
          <ExportPanel session={session} />
          <ModelPanel session={session} />
          <KeysPanel />
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
      <div class="buttons">
        <button
          type="button"
          class="primary"
          data-testid="sample"
          onClick={() => void session.clips.openSample('sample')}
        >
          Open the sample clip
        </button>
        <button type="button" onClick={() => void session.clips.openSample('hard-sample')}>
          Open a hard one, to teach
        </button>
      </div>
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
    if (files.length > 0) void session.clips.open(files)
  }
  return (
    <nav aria-label="Open" class="buttons">
      <button type="button" onClick={() => file.current?.click()}>
        Open files…
      </button>
      <button type="button" onClick={() => folder.current?.click()}>
        Open folder…
      </button>
      <button type="button" data-testid="camera" onClick={() => void session.camera.open()}>
        Camera
      </button>
      <button type="button" onClick={() => void session.clips.openSample('sample')}>
        Sample
      </button>
      <button type="button" onClick={() => void session.clips.openSample('hard-sample')}>
        Hard sample
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
  const { value: notice } = session.workspace.notice
  const { value: progress } = session.workspace.progress
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
              session.workspace.notice.value = undefined
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
  const { workspace } = session
  const project = workspace.project.value
  if (!project) return null
  const busy = workspace.activity.busy.value
  const frame = workspace.frame.value
  const ids = project.targets.map(({ id }) => id)
  const canFollow = ids.length > 0 && session.model.adapter.value && !session.model.loading.value
  return (
    <div class="controls" role="toolbar" aria-label="Playback">
      <button type="button" aria-label="Frame before" disabled={busy} onClick={() => void workspace.seek(frame - 1)}>
        <Arrow points="7,1 7,9 1,5" />
      </button>
      {busy ? (
        <button type="button" class="primary" data-testid="stop" onClick={() => void workspace.activity.stop()}>
          {workspace.playing.value || workspace.following.value ? 'Pause' : 'Cancel'}
        </button>
      ) : (
        <button type="button" data-testid="play" onClick={() => void session.player.play()}>
          Play
        </button>
      )}
      <button type="button" aria-label="Next frame" disabled={busy} onClick={() => void workspace.seek(frame + 1)}>
        <Arrow points="3,1 3,9 9,5" />
      </button>
      <button
        type="button"
        class="primary"
        data-testid="follow"
        disabled={busy || !canFollow}
        onClick={() => void session.targets.follow(ids)}
      >
        Follow
      </button>
      <button type="button" disabled={!workspace.canUndo.value || busy} onClick={() => workspace.undo()}>
        Undo
      </button>
      <button type="button" disabled={!workspace.canRedo.value || busy} onClick={() => workspace.redo()}>
        Redo
      </button>
      <output data-testid="frame">
        Frame {frame + 1} of {project.clip.frameCount}
      </output>
    </div>
  )
}

function Arrow({ points }: { points: string }) {
  return (
    <svg viewBox="0 0 10 10" class="arrow" aria-hidden="true">
      <polygon points={points} fill="currentColor" />
    </svg>
  )
}
