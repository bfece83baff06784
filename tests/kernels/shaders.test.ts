// Every shader file as it stands, with its default constants, is a complete module: it reflects and compiles.

import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { reflect } from '../../src/gpu/reflect.ts'
import type { WgslType } from '../../src/gpu/shader.ts'
import { kernel } from '../../src/kernels/launch.ts'
import { type ShaderName, shaders } from '../../src/kernels/shaders.generated.ts'

/** Features of a device by the WGSL extension that they stand for. */
const features: Readonly<Record<string, string>> = {
  f16: 'shader-f16',
  subgroups: 'subgroups',
  uniform_buffer_standard_layout: 'uniform_buffer_standard_layout',
  chromium_experimental_subgroup_matrix: 'chromium-experimental-subgroup-matrix',
}

let device: Device
/** Has every feature and does nothing: it compiles what the adapter cannot. */
let nothing: Device
beforeAll(async () => {
  device = await openDevice()
  nothing = await openDevice({ backend: 'null', toggles: ['enable-dawn-features=allow_unsafe_apis'] })
})
afterAll(async () => {
  await device.close()
  await nothing.close()
})

describe.each(Object.keys(shaders) as ShaderName[])('%s.wgsl', (name) => {
  const text = shaders[name]

  const file = readFileSync(new URL(`../../shaders/${name}.wgsl`, import.meta.url), 'utf8')

  test('opens with what it computes and how it is dispatched', () => {
    const head = file.slice(0, file.search(/^(?!\/\/)/m))
    expect(head).toMatch(/[Dd]ispatch/)
    expect(head.split('\n').length).toBeGreaterThan(2)
  })

  test('keeps to 120 columns', () => {
    expect(file.split('\n').filter((line) => line.length > 120)).toEqual([])
    expect(text.split('\n'), 'the module has the same lines').toHaveLength(file.split('\n').length)
  })

  test('compiles; where it needs an extension that this adapter lacks, for an adapter that does nothing', async () => {
    const needed = [...text.matchAll(/^(?:enable|requires) (\w+);/gm)].map(([, extension = '']) => features[extension])
    const runs = needed.every((feature) => feature && device.adapter.features.has(feature))
    expect(reflect(text).bindings.size).toBeGreaterThan(1)
    const { kernels } = runs ? device : nothing
    await kernels.create(kernels.prepare(kernel(name)))
  })

  /** Aliases of a module that stand for a Value, and what they are where a Value is four elements wide. */
  const values = (type: WgslType) => {
    const names = [...text.matchAll(/^alias (Stored|From|Phase) = f32;/gm)].map(([, alias = '']) => alias)
    return { Value: 'vec4f', ...Object.fromEntries(names.map((alias) => [alias, type])) } as const
  }

  test.runIf(/^alias Value = f32;/m.test(text)).each(['vec4f', 'vec4h'] as const)(
    'compiles with four elements at a time, stored as %s',
    async (type) => {
      if (type === 'vec4h' && !device.adapter.features.has('shader-f16')) return
      const wide = device.kernels.prepare(
        kernel(name, { ...values(type), ...(/^const WIDTH:/m.test(text) && { WIDTH: 4 }) }),
      )
      expect(wide.text).toContain('alias Value = vec4f;')
      await device.kernels.create(wide)
    },
  )
})
