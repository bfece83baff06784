// examples/page: it bundles for a browser as its head says, and the program finds in the page what it asks for.

import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))

test('bundles for browsers, without Node modules and without the trainer', async () => {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['examples/page/main.ts'],
    bundle: true,
    minify: true,
    format: 'esm',
    outdir: 'examples/page',
    write: false,
    metafile: true,
    logLevel: 'silent',
  })
  const inputs = Object.keys(metafile.inputs)
  expect(inputs.filter((path) => /^tools\/|^src\/train\/|node:/.test(path))).toEqual([])
  expect(outputFiles.map(({ path }) => path.replace(/^.*\//, ''))).toEqual(['main.js'])
})

test('asks for the elements that the page has', async () => {
  const [page, program] = await Promise.all(
    ['index.html', 'main.ts'].map((name) => readFile(`${root}examples/page/${name}`, 'utf8')),
  )
  const asked = [...program!.matchAll(/element\('(\w+)', HTML(\w+)Element\)/g)].map(([, id, kind]) => [id, kind])
  expect(asked.length).toBe(3)
  for (const [id, kind] of asked) expect(page).toMatch(new RegExp(`<${kind!.toLowerCase()} id="${id}"`))
  expect(page).toContain('<script type="module" src="main.js">')
})
