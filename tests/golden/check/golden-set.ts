// What every section's check works with: the golden directory and its files, the device, opened when first needed, and the
// models with hash weights, each loaded once and shared by the sections.

import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { type Device, openDevice } from '../../../src/gpu/device.ts'
import type { Config } from '../../../src/siamrpn/config.ts'
import { Network } from '../../../src/siamrpn/network.ts'
import { backboneSchema, type GoldenModel, hashWeights, modelConfig, modelSchema } from './models.ts'
import { GoldenDataError, type GoldenSection, readGoldenSection } from './reader.ts'

const modelsSchema = z.object({ models: z.record(z.string(), modelSchema), model_config: backboneSchema })

/** A model of section A with our configuration of the same shape. */
export interface NamedModel {
  readonly name: string
  readonly golden: GoldenModel
  readonly config: Config
}

export interface GoldenSetOptions {
  readonly slow?: boolean
  readonly say?: (text: string) => void
}

/** A model of more parameters than this is left to --slow: a frame takes seconds on a software adapter. */
const slowParameters = 5e6

export class GoldenSet {
  readonly directory: string
  /** Run the cases that take minutes on a software adapter. */
  readonly slow: boolean
  readonly #say: (text: string) => void
  readonly #networks = new Map<string, Promise<Network>>()
  #device: Promise<Device> | undefined
  #models: Promise<ReadonlyMap<string, NamedModel>> | undefined

  constructor(directory: string, { slow = false, say = () => undefined }: GoldenSetOptions = {}) {
    this.directory = directory
    this.slow = slow
    this.#say = say
  }

  /** Tells whoever watches what is being done now. */
  say(text: string): void {
    this.#say(text)
  }

  /** Reads a section. @throws GoldenDataError naming the file and what is wrong in it */
  async section<Json>(name: string, schema: z.ZodType<Json>): Promise<GoldenSection<Json>> {
    const section = await readGoldenSection<unknown>(this.directory, name)
    const result = schema.safeParse(section.json)
    if (result.success) return { ...section, json: result.data }
    const issues = result.error.issues.slice(0, 3).map(({ path, message }) => `${path.join('.')}: ${message}`)
    throw new GoldenDataError(
      `${join(this.directory, `${name}.json`)} is not of the golden format: ${issues.join('; ')}`,
    )
  }

  /** Bytes of a file of the set. @throws GoldenDataError */
  async bytes(file: string): Promise<Uint8Array> {
    try {
      return await readFile(join(this.directory, file))
    } catch (cause) {
      throw new GoldenDataError(`${join(this.directory, file)} cannot be read: ${String(cause)}`, { cause })
    }
  }

  async has(file: string): Promise<boolean> {
    return await stat(join(this.directory, file)).then(
      (found) => found.isFile(),
      () => false,
    )
  }

  /** The device that all sections share. @throws NoAdapterError */
  device(): Promise<Device> {
    this.#device ??= openDevice()
    return this.#device
  }

  /** The device, if any section has asked for it. */
  get openedDevice(): Promise<Device> | undefined {
    return this.#device
  }

  /** The models of section A. @throws GoldenDataError, ConfigError */
  models(): Promise<ReadonlyMap<string, NamedModel>> {
    this.#models ??= this.#readModels()
    return this.#models
  }

  /** One model of section A. @throws GoldenDataError if it lists none of that name */
  async model(name: string): Promise<NamedModel> {
    const models = await this.models()
    const model = models.get(name)
    if (model) return model
    throw new GoldenDataError(
      `A.json of ${this.directory} has no model '${name}', only ${[...models.keys()].join(', ')}`,
    )
  }

  /** Whether the model's cases belong to --slow. @throws GoldenDataError */
  async isSlow(name: string): Promise<boolean> {
    const { golden } = await this.model(name)
    return golden.num_parameters > slowParameters
  }

  /** A model of section A with its hash weights on the device, loaded once. @throws GoldenDataError */
  network(name: string, salt: string): Promise<Network> {
    const key = JSON.stringify([salt, name])
    const network = this.#networks.get(key) ?? this.#loadNetwork(name, salt)
    this.#networks.set(key, network)
    return network
  }

  async #loadNetwork(name: string, salt: string): Promise<Network> {
    const { golden, config } = await this.model(name)
    const device = await this.device()
    this.say(`weights of ${name}`)
    const network = new Network(config.model)
    await network.load(device, hashWeights(golden.entries, salt))
    return network
  }

  async #readModels(): Promise<ReadonlyMap<string, NamedModel>> {
    const { json } = await this.section('A', modelsSchema)
    return new Map(
      Object.entries(json.models).map(([name, golden]) => [
        name,
        { name, golden, config: modelConfig(golden, json.model_config, name) },
      ]),
    )
  }

  async close(): Promise<void> {
    const device = await this.#device?.catch(() => undefined)
    await device?.close()
  }
}
