// What the page and the tracker's worker say to each other: one request, one answer, and progress in between.

import type { Box } from 'siamrpn'
import type { Picture } from '../media/clip-source.ts'
import type { Tracked } from '../model/track.ts'

export interface AdapterInfo {
  readonly description: string
  readonly software: boolean
}

export interface LoadRequest {
  readonly kind: 'load'
  /** Undefined: the model that ships. */
  readonly weights: ArrayBuffer | undefined
  /** Name of the configuration of the weights. Undefined: the one that the file carries, or ResNet-50's. */
  readonly architecture: string | undefined
  /** Weights that this model was taught, to be used in place of its own. */
  readonly taught: ArrayBuffer | undefined
}

/** Starts following a target: `key` names it from then on. */
export interface StartRequest {
  readonly kind: 'start'
  readonly key: number
  readonly picture: Picture
  readonly box: Box
}

/** Follows the targets `keys` into the next frame. */
export interface StepRequest {
  readonly kind: 'step'
  readonly keys: readonly number[]
  readonly picture: Picture
}

export interface StopRequest {
  readonly kind: 'stop'
  readonly keys: readonly number[]
}

/** Loses the device on purpose, for the test of what happens then. */
export interface LoseRequest {
  readonly kind: 'lose'
}

export interface TeachRequest {
  readonly kind: 'teach'
  readonly examples: readonly { readonly picture: Picture; readonly box: Box | null }[]
  readonly steps: number
}

/** Ends a teaching under way; the weights stay as they were. */
export interface CancelTeachRequest {
  readonly kind: 'cancel-teach'
}

/** Goes back from the taught weights to those that were loaded. */
export interface ForgetRequest {
  readonly kind: 'forget'
}

/** The weights in use as a safetensors file. */
export interface ExportRequest {
  readonly kind: 'export-weights'
}

export type Request =
  | LoadRequest
  | StartRequest
  | StepRequest
  | StopRequest
  | LoseRequest
  | TeachRequest
  | CancelTeachRequest
  | ForgetRequest
  | ExportRequest

/** What each request answers with. */
export interface Answers {
  load: AdapterInfo
  start: null
  step: readonly Tracked[]
  stop: null
  lose: null
  /** The loss of each step, and the taught weights as a safetensors file. */
  teach: { readonly losses: readonly number[]; readonly weights: ArrayBuffer }
  'cancel-teach': null
  forget: null
  'export-weights': ArrayBuffer
}

/** What is being done and how far it is; `total` 0 where it is not known. `loss` while teaching. */
export interface Progress {
  readonly stage: string
  readonly done: number
  readonly total: number
  readonly loss?: number | undefined
}

/** An error of the worker's. Classes do not cross over, and their names are lost to the minifier. */
export interface WorkerFailure {
  readonly message: string
  readonly kind: 'device lost' | 'out of memory' | 'other'
}

export type Message =
  | { readonly id: number; readonly answer: Answers[keyof Answers] }
  | { readonly id: number; readonly progress: Progress }
  | { readonly id: number; readonly error: WorkerFailure }
