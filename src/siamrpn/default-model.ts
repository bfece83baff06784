// The model that ships with the package. Its name is here and nowhere else in the code.

/** Name of the default model's configuration. */
export const defaultModelName = 'mobile'

/**
 * The weights of the default model: a file beside the code in a checkout and in the installed package, and an asset of a page
 * where a bundler follows `new URL(..., import.meta.url)`, which needs the path written out.
 */
export function defaultModel(): URL {
  return new URL('../../models/mobile.safetensors', import.meta.url)
}
