// Writes src/kernels/shaders.generated.ts, one module with the texts of shaders/*.wgsl, so that plain tsc and any bundler can
// take them along. It runs after every installation and before every build and test run; the module is not committed.

import { readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const shaderFolder = new URL('../shaders/', import.meta.url)
const generatedFile = new URL('../src/kernels/shaders.generated.ts', import.meta.url)
const temporaryFile = new URL(`../src/kernels/.shaders.${process.pid}.tmp`, import.meta.url)

/**
 * A shader without its comments and indentation, a third shorter for whoever downloads it. Every line stays where it is, so
 * that messages name the file's lines; one space stays before what is inside of a block, because only constants at the
 * start of a line are specialised.
 */
export function strip(text: string): string {
  const code = text.replace(/\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]+/g, ' '))
  return code.replace(/[ \t]+$/gm, '').replace(/^[ \t]+/gm, ' ')
}

/** The generated module for shader texts by name (the file name without `.wgsl`). */
export function generateModule(shaders: Readonly<Record<string, string>>): string {
  const names = Object.keys(shaders).sort()
  const entries = names.map((name) => `  ${JSON.stringify(name)}: ${quote(strip(shaders[name] ?? ''))},\n`)
  const type = names.length > 0 ? names.map((name) => `  | ${JSON.stringify(name)}\n`).join('') : '  never\n'
  return (
    '// Generated from shaders/*.wgsl by `npm run shaders`. Do not edit.\n\n' +
    `export type ShaderName =\n${type}\n` +
    `export const shaders: Readonly<Record<ShaderName, string>> = {\n${entries.join('')}}\n`
  )
}

/** A template literal that holds exactly `text`. */
function quote(text: string): string {
  return `\`${text.replace(/[\\`]|\$\{/g, '\\$&')}\``
}

async function readShaders(): Promise<Record<string, string>> {
  const files = (await readdir(shaderFolder)).filter((file) => file.endsWith('.wgsl'))
  const texts = files.map(async (file) => [
    file.slice(0, -'.wgsl'.length),
    await readFile(new URL(file, shaderFolder), 'utf8'),
  ])
  return Object.fromEntries(await Promise.all(texts))
}

/** Writes the module if the shaders changed; a module that is already right keeps its time stamp. */
export async function generateShaders(): Promise<void> {
  const wanted = generateModule(await readShaders())
  const found = await readFile(generatedFile, 'utf8').catch(() => '')
  if (found === wanted) return
  await writeFile(temporaryFile, wanted)
  await rename(temporaryFile, generatedFile)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await generateShaders()
