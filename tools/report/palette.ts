// The colors of the report, each for a light and a dark ground. Plots are described in the light ones; the page has them all as
// custom properties, `var(--ink)`, and swaps them where the reader's screen is dark.

interface Shade {
  readonly light: string
  readonly dark: string
}

/** No two light colors are alike, so that one can be told by its value. */
export const palette = {
  ground: { light: '#f6f7f9', dark: '#0e1116' },
  card: { light: '#ffffff', dark: '#161b22' },
  ink: { light: '#16191d', dark: '#e8ebef' },
  muted: { light: '#59626e', dark: '#9aa5b1' },
  faint: { light: '#8b95a1', dark: '#6d7884' },
  line: { light: '#dfe3e8', dark: '#2a313a' },
  hairline: { light: '#eceff2', dark: '#21272f' },
  ours: { light: '#d9480f', dark: '#ff8c42' },
  truth: { light: '#2b8a3e', dark: '#51cf66' },
  good: { light: '#237a36', dark: '#5bd172' },
  bad: { light: '#c22525', dark: '#ff7b7b' },
  other1: { light: '#2f6fd0', dark: '#6ea8fe' },
  other2: { light: '#8250c4', dark: '#b79cf7' },
  other3: { light: '#0c8599', dark: '#3bc9db' },
  other4: { light: '#a8700a', dark: '#e9b949' },
  other5: { light: '#b8357f', dark: '#f783ac' },
  other6: { light: '#5c7c1f', dark: '#a9d34f' },
  other7: { light: '#495a70', dark: '#a3b4c9' },
} as const satisfies Record<string, Shade>

export type ColorName = keyof typeof palette

/** For plots. */
export function color(name: ColorName): string {
  return palette[name].light
}

const othersColors = ['other1', 'other2', 'other3', 'other4', 'other5', 'other6', 'other7'] as const
const dashes = ['solid', 'dashed', 'dotted'] as const

/** How a tracker is drawn in every plot: by its place among those that ours is compared with. */
export function otherStyle(index: number): { readonly color: string; readonly dash: (typeof dashes)[number] } {
  const name = othersColors[index % othersColors.length] ?? 'other1'
  return { color: color(name), dash: dashes[index % dashes.length] ?? 'solid' }
}

/** The custom properties of one ground. */
export function customProperties(ground: keyof Shade): string {
  return Object.entries(palette)
    .map(([name, shade]) => `--${name}: ${shade[ground]};`)
    .join(' ')
}

/** Light colors to dark ones. */
export const darkColors: Readonly<Record<string, string>> = Object.fromEntries(
  Object.values(palette).map(({ light, dark }) => [light, dark]),
)

/** Has the light colors of an SVG follow the page's ground. */
export function themed(svg: string): string {
  const names = new Map<string, string>(Object.entries(palette).map(([name, { light }]) => [light, name]))
  return svg.replace(/#[0-9a-f]{6}\b/g, (hex) => (names.has(hex) ? `var(--${names.get(hex)})` : hex))
}
