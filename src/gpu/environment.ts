// Tells whether this program runs in Node or in a browser. This is the one place that asks "Node or not":
// `process.versions.node` is what bundlers' and pages' imitations of `process` do not have, and what Jest's jsdom,
// Electron and worker threads do.

/** Whether Node's own modules, files and event loop are there. */
export function isNode(): boolean {
  const { process } = globalThis as { readonly process?: { readonly versions?: { readonly node?: unknown } } }
  return typeof process?.versions?.node === 'string'
}
