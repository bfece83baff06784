// In a checkout the tools use the library's sources under the package's name, without a build. tsc, tsx and esbuild read that
// from `paths` in tsconfig.json; here is the same for Vitest, and for the processes that tests start elsewhere.

import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Vite's `resolve.alias`. */
export const sourceAliases = [
  { find: /^siamrpn$/, replacement: `${root}src/index.ts` },
  { find: /^siamrpn\/configs$/, replacement: `${root}src/siamrpn/configs/index.ts` },
  { find: /^siamrpn\/configs\/(.+)$/, replacement: `${root}src/siamrpn/configs/$1.ts` },
  { find: /^siamrpn\/(.+)$/, replacement: `${root}src/$1/index.ts` },
]

/** Environment of children that run sources with tsx from another folder. */
export const sourceEnvironment = { TSX_TSCONFIG_PATH: `${root}tsconfig.json` }
