// The model in use: loading the one that ships or weights from disk, and the adapter that it runs on.

import { signal } from '@preact/signals'
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
  #loaded: Promise<void> = Promise.resolve()
  #before = shippedName

  constructor(workspace: Workspace, tracker: PageTracker) {
    this.#workspace = workspace
    this.#tracker = tracker
  }

  /** Loads a model; the one before stays where this fails. @param weights undefined: the model that ships */
  async load(weights: Weights | undefined): Promise<void> {
    await this.#workspace.activity.stop()
    this.#loaded = this.#loaded.then(() => this.#load(weights))
    await this.#loaded
  }

  /** Waits for a model that is being loaded. @returns whether there is one */
  async ready(): Promise<boolean> {
    await this.#loaded
    return this.adapter.value !== undefined
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
