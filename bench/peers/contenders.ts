// Who is compared: ourselves and four libraries that run the same network on WebGPU from JavaScript.

/** One library. */
export interface Contender {
  readonly name: string
  readonly script: URL
  /** npm package, for the version; our own has none here. */
  readonly package?: string
  /** Which ONNX file it reads, if any. */
  readonly file?: 'plain' | 'folded'
  readonly nodeFlags?: readonly string[]
  /** Handed to the script. */
  readonly options?: Readonly<Record<string, string>>
}

const script = (name: string) => new URL(`./children/${name}.ts`, import.meta.url)

export const ours: Contender = { name: 'siamrpn', script: script('siamrpn') }

const onnxWeb: Contender = {
  name: 'onnxruntime-web',
  script: script('onnxruntime-web'),
  package: 'onnxruntime-web',
  file: 'plain',
  // V8 would spend a minute on optimising 27 MB of WebAssembly.
  nodeFlags: ['--liftoff-only'],
  options: { build: 'webgpu' },
}

const contenders: readonly Contender[] = [
  {
    name: 'onnxruntime-node',
    script: script('onnxruntime-node'),
    package: 'onnxruntime-node',
    file: 'plain',
  },
  onnxWeb,
  { name: 'tfjs-webgpu', script: script('tfjs'), package: '@tensorflow/tfjs-backend-webgpu' },
  { name: 'jax-js', script: script('jax-js'), package: '@jax-js/jax', file: 'folded' },
  // Its older WebGPU kernels, written in TypeScript.
  { ...onnxWeb, name: 'onnxruntime-web-jsep', options: { build: 'all' } },
]

/** Compared unless others are named. */
export const peerNames: readonly string[] = ['onnxruntime-node', 'onnxruntime-web', 'tfjs-webgpu', 'jax-js']

/** The library of this name. @throws Error that lists the known names */
export function contender(name: string): Contender {
  const found = contenders.find((candidate) => candidate.name === name)
  if (found) return found
  throw new Error(`No library named \`${name}\`; known are ${contenders.map((one) => one.name).join(', ')}`)
}
