// The session holds what is open and what is being done. Components read its signals and call its methods; nothing else
// changes state.

import { computed, signal } from '@preact/signals'
import type { Box } from 'siamrpn'
import { readGroundTruth } from '../formats/ground-truth.ts'
import { importAnnotations } from '../formats/import.ts'
import { openCamera } from '../media/camera.ts'
import type { ClipSource, Picture } from '../media/clip-source.ts'
import { openClip } from '../media/open.ts'
import { ClipError, sentenceOf } from '../model/errors.ts'
import { amend, type History, push, redo, startHistory, undo } from '../model/history.ts'
import {
  addTarget,
  clearTrack,
  emptyProject,
  type Mark,
  markAfter,
  markBefore,
  type Project,
  removeMark,
  removeTarget,
  renameTarget,
  setMark,
  setTracked,
  type Tracked,
} from '../model/project.ts'
import type { AdapterInfo, Progress } from '../worker/protocol.ts'
import { type ExportKind, exportProject } from './export.ts'
import { backwardStretch, followBackward, followForward, forwardStretches, type Stretch } from './follow.ts'
import { LiveRun } from './live.ts'
import { savedProject, saveProject } from './storage.ts'
import { PageTracker, type Weights } from './tracker.ts'

/** Time that a browser has to begin a download before its address is taken back, in milliseconds. */
const DOWNLOAD_TIME = 60_000

function download(name: string, blob: Blob): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), DOWNLOAD_TIME)
}

export interface Notice {
  readonly kind: 'info' | 'error'
  readonly text: string
}

/** Steps of a fit: enough for the heads to settle on a few frames. */
const TEACH_STEPS = 80

/** Quiet time after an edit before the project is saved, in milliseconds. */
const SAVE_DELAY = 500

export class Session {
  readonly notice = signal<Notice | undefined>(undefined)
  /** A sentence where tracking is impossible in this browser. */
  readonly missing = signal<string | undefined>(undefined)
  readonly adapter = signal<AdapterInfo | undefined>(undefined)
  readonly modelName = signal('The model that ships')
  readonly progress = signal<Progress | undefined>(undefined)
  readonly source = signal<ClipSource | undefined>(undefined)
  readonly history = signal<History<Project> | undefined>(undefined)
  readonly project = computed(() => this.history.value?.present)
  readonly frame = signal(0)
  /** The picture on the stage, at the current frame; lent to whoever draws it. */
  readonly picture = signal<Picture | undefined>(undefined)
  readonly selected = signal<number | undefined>(undefined)
  readonly playing = signal(false)
  readonly following = signal(false)
  /** The camera being followed, if it is. */
  readonly live = signal<LiveRun | undefined>(undefined)
  /** Losses of the teaching under way or of the last one. */
  readonly losses = signal<readonly number[]>([])
  readonly teaching = signal(false)
  /** The track of a target as it was before the tracker was taught, to compare. */
  readonly before = signal<{ readonly id: number; readonly track: ReadonlyMap<number, Tracked> } | undefined>(undefined)
  readonly taught = signal(false)
  readonly lowScore = signal(0.3)
  readonly alsoBackwards = signal(false)
  /** Milliseconds a tracking step takes. */
  readonly stepTime = signal<number | undefined>(undefined)
  readonly canUndo = computed(() => (this.history.value?.past.length ?? 0) > 0)
  readonly canRedo = computed(() => (this.history.value?.future.length ?? 0) > 0)

  readonly tracker = new PageTracker(() =>
    this.inform('The graphics device was lost and opened again; tracking went on from the last frame.'),
  )
  #stop: AbortController | undefined
  #seek = 0
  #saving: ReturnType<typeof setTimeout> | undefined

  inform(text: string): void {
    this.notice.value = { kind: 'info', text }
  }

  complain(error: unknown): void {
    this.notice.value = { kind: 'error', text: sentenceOf(error) }
  }

  /** Loads a model; the old one stays where this fails. */
  async loadModel(weights: Weights | undefined): Promise<void> {
    try {
      this.adapter.value = await this.tracker.load(weights, (progress) => {
        this.progress.value = progress
      })
      this.modelName.value = weights?.name ?? 'The model that ships'
      this.taught.value = false
      this.before.value = undefined
      if (weights) this.inform(`Tracking with "${weights.name}" from now on.`)
    } catch (error) {
      this.complain(error)
    } finally {
      this.progress.value = undefined
    }
  }

  /** Opens files as a clip; what is open stays where this fails. */
  async open(files: readonly File[]): Promise<void> {
    this.stop()
    this.progress.value = { stage: 'Opening', done: 0, total: 0 }
    try {
      const { source, groundTruth } = await openClip(files)
      const saved = await savedProject(source.facts).catch(() => undefined)
      await this.#show(source, saved ?? emptyProject(source.facts))
      if (saved && saved.targets.length > 0) this.inform(`Your work on "${source.facts.name}" was restored.`)
      else if (groundTruth !== undefined) this.#offerTruth(groundTruth)
      else this.inform('Draw a box around what is to be followed.')
    } catch (error) {
      this.complain(error)
    } finally {
      this.progress.value = undefined
    }
  }

  close(): void {
    this.stop()
    this.live.value?.end()
    this.live.value = undefined
    this.source.value?.close()
    this.source.value = undefined
    this.history.value = undefined
    this.#setPicture(undefined)
  }

  /** Shows a frame. Of several calls in a row the last one wins. */
  async seek(frame: number): Promise<void> {
    const source = this.source.value
    if (!source) return
    const index = Math.min(Math.max(0, Math.round(frame)), source.facts.frameCount - 1)
    const turn = ++this.#seek
    this.frame.value = index
    try {
      const picture = await source.frame(index)
      if (turn === this.#seek) this.#setPicture(picture)
      else picture.close()
    } catch (error) {
      if (turn === this.#seek) this.complain(error)
    }
  }

  /** Plays from the current frame at the clip's rate, or as fast as it decodes. */
  async play(): Promise<void> {
    const source = this.source.value
    if (!source || this.playing.value || this.following.value) return
    const last = source.facts.frameCount - 1
    const first = this.frame.value >= last ? 0 : this.frame.value
    this.playing.value = true
    this.#stop = new AbortController()
    const { signal } = this.#stop
    const start = performance.now()
    let frame = first
    try {
      for await (const picture of source.frames(first)) {
        const due = start + ((frame - first) * 1000) / source.facts.frameRate
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())))
        this.#seek++
        this.frame.value = frame++
        this.#setPicture(picture)
        if (signal.aborted) break
      }
    } catch (error) {
      this.complain(error)
    } finally {
      this.playing.value = false
    }
  }

  /** Opens the clip that ships with the page. */
  async openSample(): Promise<void> {
    try {
      const response = await fetch('./sample.zip')
      if (!response.ok) throw new ClipError(`The sample clip is missing (${response.status} for ${response.url})`)
      await this.open([new File([await response.blob()], 'sample.zip')])
    } catch (error) {
      this.complain(error)
    }
  }

  /** Writes the project or its video and hands it to the browser as a download. */
  async export(kind: ExportKind): Promise<void> {
    const project = this.project.value
    const source = this.source.value
    if (!project || !source) return
    this.stop()
    const stop = new AbortController()
    this.#stop = stop
    const onProgress = (done: number, total: number) => {
      this.progress.value = { stage: 'Exporting', done, total }
    }
    try {
      const { name, blob } = await exportProject(kind, project, source, { onProgress, signal: stop.signal })
      download(name, blob)
      this.inform(`"${name}" was exported.`)
    } catch (error) {
      this.complain(error)
    } finally {
      this.progress.value = undefined
    }
  }

  /** Opens the camera and follows in it, live. */
  async openCamera(): Promise<void> {
    this.stop()
    try {
      const camera = await openCamera()
      this.close()
      const { width, height } = camera
      const clip = { name: 'camera', width, height, frameCount: 1, frameRate: 30 }
      this.history.value = startHistory(emptyProject(clip))
      const run = new LiveRun(camera, this.tracker, {
        lowScore: () => this.lowScore.value,
        onError: (error) => this.complain(error),
        onLow: (id, frame, score) => this.#lostSight(id, frame, score),
        onFrame: (frame, results, picture) => this.#liveFrame(frame, results, picture),
      })
      this.live.value = run
      this.inform('Draw a box around what is to be followed.')
      void run.run()
    } catch (error) {
      this.complain(error)
    }
  }

  #liveFrame(frame: number, results: ReadonlyMap<number, Tracked>, picture: ImageBitmap): void {
    const project = this.project.value
    if (!project || !this.live.value || !this.history.value) {
      picture.close()
      return
    }
    const clip = { ...project.clip, frameCount: frame + 1 }
    this.history.value = amend(this.history.value, setTracked({ ...project, clip }, frame, results))
    this.frame.value = frame
    this.stepTime.value = this.tracker.stepTime
    this.#setPicture(picture)
  }

  /** Ends playing, following or teaching. */
  stop(): void {
    this.#stop?.abort()
  }

  /** A new target with its first box in the current frame, then followed. */
  async add(box: Box): Promise<void> {
    const project = this.project.value
    if (!project) return
    const added = addTarget(project, this.frame.value, box)
    this.#edit(added.project)
    this.selected.value = added.id
    if (this.live.value) this.live.value.start(added.id, box)
    else await this.follow([added.id])
  }

  /** Corrects a target in the current frame, forgets what depended on it, and follows again from there. */
  async correct(id: number, mark: Mark): Promise<void> {
    const project = this.project.value
    const target = project?.targets.find((other) => other.id === id)
    if (!project || !target) return
    const frame = this.frame.value
    const next = (markAfter(target, frame) ?? project.clip.frameCount) - 1
    let edited = clearTrack(setMark(project, id, frame, mark), id, frame, next)
    const before = markBefore(target, frame - 1)
    const backwards = this.alsoBackwards.value && mark.kind === 'box'
    if (backwards) edited = clearTrack(edited, id, (before ?? -1) + 1, frame)
    this.#edit(edited)
    if (this.live.value) {
      if (mark.kind === 'box') this.live.value.start(id, mark.box)
      else this.live.value.drop(id)
    } else if (mark.kind === 'box') await this.follow([id], backwards)
  }

  /** Moves the box of a target in the current frame without following: for steps by keyboard. */
  place(id: number, box: Box): void {
    if (this.project.value) this.#edit(setMark(this.project.value, id, this.frame.value, { kind: 'box', box }))
  }

  /** Takes a mark away. */
  unmark(id: number, frame: number): void {
    if (this.project.value) this.#edit(removeMark(this.project.value, id, frame))
  }

  remove(id: number): void {
    if (!this.project.value) return
    this.#edit(removeTarget(this.project.value, id))
    this.live.value?.drop(id)
    if (this.selected.value === id) this.selected.value = this.project.value.targets[0]?.id
  }

  rename(id: number, name: string): void {
    if (this.project.value && name.trim() !== '') this.#edit(renameTarget(this.project.value, id, name.trim()))
  }

  undo(): void {
    this.#travel(undo)
  }

  redo(): void {
    this.#travel(redo)
  }

  /** Teaches the tracker a target from its marked frames, then follows the target again from its marks. */
  async teach(id: number, steps = TEACH_STEPS): Promise<void> {
    const source = this.source.value
    const target = this.project.value?.targets.find((other) => other.id === id)
    if (!source || !target || this.teaching.value || this.following.value) return
    this.stop()
    this.teaching.value = true
    this.losses.value = []
    this.notice.value = undefined
    try {
      const marks = [...target.marks].sort(([a], [b]) => a - b)
      const examples = []
      for (const [frame, mark] of marks) {
        examples.push({ picture: await source.frame(frame), box: mark.kind === 'box' ? mark.box : null })
      }
      await this.tracker.teach(examples, steps, (progress) => {
        this.progress.value = progress
        if (progress.loss !== undefined) this.losses.value = [...this.losses.value, progress.loss]
      })
      this.taught.value = true
      this.before.value = { id, track: target.track }
      this.modelName.value = `Taught on ${marks.length} frames of ${target.name}`
    } catch (error) {
      this.complain(error)
      return
    } finally {
      this.teaching.value = false
      this.progress.value = undefined
    }
    await this.#followAgain(id)
  }

  async cancelTeaching(): Promise<void> {
    await this.tracker.cancelTeaching()
  }

  /** Goes back to the weights that were loaded. */
  async forgetTeaching(): Promise<void> {
    await this.tracker.forget()
    this.taught.value = false
    this.before.value = undefined
    this.modelName.value = 'The model as it was loaded'
  }

  /** The weights in use, as a download. */
  async saveWeights(): Promise<void> {
    try {
      download('taught.safetensors', new Blob([await this.tracker.exportWeights()]))
    } catch (error) {
      this.complain(error)
    }
  }

  async #followAgain(id: number): Promise<void> {
    const project = this.project.value
    const target = project?.targets.find((other) => other.id === id)
    if (!project || !target) return
    this.#edit(clearTrack(project, id, 0, project.clip.frameCount - 1))
    const first = Math.min(...target.marks.keys())
    await this.seek(first)
    await this.follow([id])
    if (!this.notice.value)
      this.inform(
        `${target.name} was followed again with what the tracker has learned. The pale line shows the track before.`,
      )
  }

  /** Reads an annotation file into the project of the open clip. */
  async import(file: File): Promise<void> {
    const project = this.project.value
    if (!project) return
    try {
      this.#edit(importAnnotations(project.clip, await file.text(), file.name))
      this.selected.value = this.project.value?.targets[0]?.id
      this.inform(`"${file.name}" was imported: ${this.project.value?.targets.length} targets.`)
    } catch (error) {
      this.complain(error)
    }
  }

  /**
   * Follows targets from their last marks at or before the current frame, each up to its next mark and on from there.
   * @param backwards also from the current frame back to the mark before it
   */
  async follow(ids: readonly number[], backwards = false): Promise<void> {
    const source = this.source.value
    const project = this.project.value
    if (!source || !project || this.following.value) return
    const targets = project.targets.filter(({ id }) => ids.includes(id))
    const forward = targets.flatMap((target) =>
      forwardStretches(target, markBefore(target, this.frame.value) ?? this.frame.value, project.clip.frameCount),
    )
    const back = backwards ? targets.flatMap((target) => backwardStretch(target, this.frame.value) ?? []) : []
    await this.#run(source, forward, back)
  }

  async #run(source: ClipSource, forward: readonly Stretch[], back: readonly Stretch[]): Promise<void> {
    this.stop()
    this.notice.value = undefined
    this.following.value = true
    const stop = new AbortController()
    this.#stop = stop
    const hooks = {
      signal: stop.signal,
      lowScore: this.lowScore.value,
      onFrame: (frame: number, results: ReadonlyMap<number, Tracked>, picture: Picture) =>
        this.#followed(frame, results, picture),
      onLow: (id: number, frame: number, score: number) => this.#lostSight(id, frame, score),
    }
    const here = this.frame.value
    try {
      for (const stretch of back) await followBackward(source, this.tracker, stretch, hooks)
      if (back.length > 0) await this.seek(here)
      if (forward.length > 0 && !stop.signal.aborted) await followForward(source, this.tracker, forward, hooks)
    } catch (error) {
      this.complain(error)
    } finally {
      this.following.value = false
      this.#save()
    }
  }

  #followed(frame: number, results: ReadonlyMap<number, Tracked>, picture: Picture): void {
    const { history } = this
    if (history.value) history.value = amend(history.value, setTracked(history.value.present, frame, results))
    this.stepTime.value = this.tracker.stepTime
    this.#seek++
    this.frame.value = frame
    if ('clone' in picture) this.#setPicture(picture.clone())
    else void createImageBitmap(picture).then((bitmap) => this.#setPicture(bitmap))
  }

  #lostSight(id: number, frame: number, score: number): void {
    const name = this.project.value?.targets.find((target) => target.id === id)?.name ?? 'The target'
    this.inform(
      `${name}: the score fell to ${score.toFixed(2)} in frame ${frame + 1}, so following stopped there. ` +
        'Drag the box to where it is, or mark the target as absent.',
    )
    if ((this.project.value?.targets.length ?? 0) <= 1) this.stop()
  }

  #offerTruth(text: string): void {
    const project = this.project.value
    if (!project) return
    const truth = readGroundTruth(project.clip, text, 'Target 1').targets[0]
    const first = truth && [...truth.marks].find(([, mark]) => mark.kind === 'box')
    if (first?.[1].kind !== 'box') return
    this.#edit(addTarget(project, first[0], first[1].box).project)
    this.selected.value = this.project.value?.targets[0]?.id
    this.inform('The first box is set: press Follow. Or draw a box of your own.')
  }

  async #show(source: ClipSource, project: Project): Promise<void> {
    this.live.value?.end()
    this.live.value = undefined
    this.source.value?.close()
    this.source.value = source
    this.history.value = startHistory(project)
    this.selected.value = project.targets[0]?.id
    await this.seek(0)
  }

  #edit(project: Project): void {
    if (this.history.value) this.history.value = push(this.history.value, project)
    this.#save()
  }

  #travel(move: (history: History<Project>) => History<Project>): void {
    this.stop()
    if (this.history.value) this.history.value = move(this.history.value)
    this.#save()
  }

  #save(): void {
    clearTimeout(this.#saving)
    this.#saving = setTimeout(() => {
      const project = this.project.value
      if (!project) return
      saveProject(project).catch((error: unknown) => {
        this.complain(
          new Error(`Your work could not be saved in this browser (${sentenceOf(error)}). Export it to keep it.`),
        )
      })
    }, SAVE_DELAY)
  }

  #setPicture(picture: Picture | undefined): void {
    this.picture.value?.close()
    this.picture.value = picture
  }
}
