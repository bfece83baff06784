// Files in and out: opening clips, the sample and their saved work, importing annotations, exporting them and the video.

import type { ReadonlySignal } from '@preact/signals'
import { readGroundTruth } from '../formats/ground-truth.ts'
import { importAnnotations } from '../formats/import.ts'
import { openClip } from '../media/open.ts'
import { ClipError } from '../model/errors.ts'
import { addTarget, counted, emptyProject, type Project } from '../model/project.ts'
import { download } from './download.ts'
import { type ExportKind, exportProject } from './export.ts'
import { savedProject } from './storage.ts'
import type { Workspace } from './workspace.ts'

/** The clips that ship with the page, and what to do with each. */
const samples = {
  sample: 'The first box is set: press Follow. Or draw a box of your own.',
  'hard-sample':
    'The first box is set: press Follow. The box goes over to the look-alike beside it: drag it back in a frame or two, then press ' +
    'Teach.',
} as const

export type SampleName = keyof typeof samples

/** The same where this browser cannot track. */
const byHand = 'The first box is set. Here boxes can only be set and exported by hand, frame by frame.'

export class Clips {
  readonly #workspace: Workspace
  readonly #missing: ReadonlySignal<string | undefined>

  /** @param missing a sentence where tracking is impossible in this browser */
  constructor(workspace: Workspace, missing: ReadonlySignal<string | undefined>) {
    this.#workspace = workspace
    this.#missing = missing
  }

  /** Opens files as a clip; what is open stays where this fails. */
  async open(files: readonly File[]): Promise<void> {
    await this.#opening(async () => files)
  }

  /** Opens a clip that ships with the page. */
  async openSample(name: SampleName): Promise<void> {
    await this.#opening(async () => {
      const response = await fetch(`./${name}.zip`)
      if (!response.ok) throw new ClipError(`The sample clip is missing (${response.status} for ${response.url})`)
      return [new File([await response.blob()], `${name}.zip`)]
    }, samples[name])
  }

  /** Reads an annotation file into the project of the open clip. */
  async import(file: File): Promise<void> {
    const workspace = this.#workspace
    await workspace.activity.stop()
    const project = workspace.project.value
    if (!project) return
    try {
      const imported = importAnnotations(project.clip, await file.text(), file.name)
      workspace.edit(imported)
      workspace.selected.value = imported.targets[0]?.id
      workspace.inform(`"${file.name}" was imported: ${counted(imported.targets.length, 'target')}.`)
    } catch (error) {
      workspace.complain(error)
    }
  }

  /** Writes the project or its video and hands it to the browser as a download. */
  async export(kind: ExportKind): Promise<void> {
    const workspace = this.#workspace
    const { activity, project, source, progress } = workspace
    await activity.run('exporting', async (signal) => {
      if (!project.value || !source.value) return
      const onProgress = (done: number, total: number) => {
        progress.value = { stage: 'Exporting', done, total }
      }
      try {
        const { name, blob, sentence } = await exportProject(kind, project.value, source.value, { onProgress, signal })
        download(name, blob)
        workspace.inform(sentence)
      } finally {
        progress.value = undefined
      }
    })
  }

  /** @param hint what to do where the first box is set already */
  async #opening(files: () => Promise<readonly File[]>, hint: string = samples.sample): Promise<void> {
    const { activity, progress } = this.#workspace
    await activity.run('opening', async (signal) => {
      progress.value = { stage: 'Opening', done: 0, total: 0 }
      try {
        const { source, groundTruth } = await openClip(await files())
        if (signal.aborted) {
          source.close()
          return
        }
        const saved = await savedProject(source.facts).catch(() => undefined) // private windows have no storage
        const { project, sentence } = startOf(
          saved ?? emptyProject(source.facts),
          groundTruth,
          this.#missing.value === undefined ? hint : byHand,
        )
        await this.#workspace.show(source, project)
        this.#workspace.inform(sentence)
      } finally {
        progress.value = undefined
      }
    })
  }
}

/** What work begins with: what was saved, else the first box of the truth that came with the clip, else nothing. */
function startOf(
  project: Project,
  truth: string | undefined,
  hint: string,
): { readonly project: Project; readonly sentence: string } {
  const { clip } = project
  if (project.targets.length > 0) return { project, sentence: `Your work on "${clip.name}" was restored.` }
  const marks = truth === undefined ? undefined : readGroundTruth(clip, truth, 'Target 1').targets[0]?.marks
  for (const [frame, mark] of marks ?? []) {
    if (mark.kind !== 'box') continue
    return { project: addTarget(project, frame, mark.box).project, sentence: hint }
  }
  return { project, sentence: 'Draw a box around what is to be followed.' }
}
