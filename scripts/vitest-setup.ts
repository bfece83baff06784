// Before a test run: the generated shader module is written anew, so that an edited shader is what is tested.

import { generateShaders } from './generate-shaders.ts'

export async function setup(): Promise<void> {
  await generateShaders()
}
