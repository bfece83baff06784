// The model in use: loading the one that ships or weights from disk, and the adapter that it runs on.

import { type ReadonlySignal, signal } from '@preact/signals'
import type { AdapterInfo } from '../worker/protocol.ts'
import type { PageTracker, Weights } from './tracker.ts'
import type { Workspace } from './workspace.ts'

const shippedName = 'The model that ships'

export class Model {
  readonly adapter = signal<AdapterInfo | undefined>(undefined)
  readonly name = signal(shippedName)
  readonly loading = signal(false)
  /** Whether weights in use came from teaching. */
  readonly taught = signal(false)
  readonly #workspace: Workspace
  readonly #tracker: PageTracker
  readonly #missing: ReadonlySignal<string | undefined>
  #loaded: Promise<void> = Promise.resolve()
  #before = shippedName

  /** @param missing a sentence where tracking is impossible in this browser */
  constructor(workspace: Workspace, tracker: PageTracker, missing: ReadonlySignal<string | undefined>) {
    this.#workspace = workspace
    this.#tracker = tracker
    this.#missing = missing
  }

  /** Loads a model; the one before stays where this fails. @param weights undefined: the model that ships */
  async load(weights: Weights | undefined): Promise<void> {
    await this.#workspace.activity.stop()
    this.#loaded = this.#loaded.then(() => this.#load(weights))
    await this.#loaded
  }

  /** Waits for a model that is being loaded. @returns whether there is one; where there is none the page says what to do */
  async ready(): Promise<boolean> {
    await this.#loaded
    if (this.adapter.value) return true
    if (!this.#missing.value)
      this.#workspace.complain('No model is loaded. Press "Use the model that ships" in the panel "Tracker".')
    return false
  }

  /** Says that taught weights are in use from now on. */
  learned(name: string): void {
    if (!this.taught.value) this.#before = this.name.value
    this.taught.value = true
    this.name.value = name
  }

  /** Goes back to the weights that were loaded. */
  async forget(): Promise<void> {
    await this.#workspace.activity.stop()
    try {
      await this.#tracker.forget()
      this.taught.value = false
      this.name.value = this.#before
      this.#workspace.before.value = undefined
    } catch (error) {
      this.#workspace.complain(error)
    }
  }

  async #load(weights: Weights | undefined): Promise<void> {
    const { progress } = this.#workspace
    this.loading.value = true
    try {
      this.adapter.value = await this.#tracker.load(weights, (told) => {
        progress.value = told
      })
      this.name.value = weights?.name ?? shippedName
      this.taught.value = false
      this.#workspace.before.value = undefined
      if (weights) this.#workspace.inform(`Tracking with "${weights.name}" from now on.`)
    } catch (error) {
      this.#workspace.complain(error)
    } finally {
      this.loading.value = false
      progress.value = undefined
    }
  }
}
