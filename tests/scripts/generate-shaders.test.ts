import { expect, test } from 'vitest'
import { generateModule, strip } from '../../scripts/generate-shaders.ts'

test('writes shader texts back exactly, sorted by name', async () => {
  const shaders = { relu: 'fn main() {}\n', add: '`a` \x24{b} \\n $ {\nconst A: u32 = 1u;\n' }
  const module = generateModule(shaders)
  expect(module).toContain('export type ShaderName =\n  | "add"\n  | "relu"\n')
  const script = module.replace(/export type [^;]*?\n\n/s, '').replace(/: Readonly<[^=]*>/, '')
  const imported = (await import(`data:text/javascript,${encodeURIComponent(script)}`)) as { shaders: unknown }
  expect(imported.shaders).toEqual(shaders)
  expect(generateModule({})).toContain('export type ShaderName =\n  never\n')
})

test('leaves comments and indentation out, and every line where it is', () => {
  const text = '// Adds.\n\nfn main() { // here\n    let a = b / c; /* one\n  two */ let d = a;\n  }\n'
  expect(strip(text)).toBe('\n\nfn main() {\n let a = b / c;\n let d = a;\n }\n')
})
