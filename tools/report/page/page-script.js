// The script of the report's page, put into it as it stands: makes the drawn plots interactive, the table of videos sortable and
// filterable, and lets the reader choose light or dark. The page is complete without it.
// @ts-check

/**
 * @typedef {{ id: string, option: Record<string, unknown>, digits: number }} PagePlot
 * @typedef {{ seriesId?: string, seriesName: string, color: string, value: [number, number], axisValueLabel?: string,
 *   axisValue?: number | string }} Hovered
 * @typedef {{ setOption(option: object, replace?: boolean): void, resize(): void }} Chart
 */

/** @type {{ plots: PagePlot[], dark: Record<string, string> }} */
const { plots, dark } = JSON.parse(document.getElementById('plot-data')?.textContent ?? '{"plots":[],"dark":{}}')
const root = document.documentElement
const systemIsDark = matchMedia('(prefers-color-scheme: dark)')

function isDark() {
  const { theme } = root.dataset
  return theme === undefined ? systemIsDark.matches : theme === 'dark'
}

// Light and dark

const themes = ['auto', 'light', 'dark']

function startThemes() {
  const button = document.getElementById('theme')
  if (!button) return
  /** @param {string} theme */
  const show = (theme) => {
    if (theme === 'auto') delete root.dataset.theme
    else root.dataset.theme = theme
    button.textContent = `Theme: ${theme}`
    for (const redraw of redraws) redraw()
  }
  button.hidden = false
  button.addEventListener('click', () => {
    const next = themes[(themes.indexOf(root.dataset.theme ?? 'auto') + 1) % themes.length] ?? 'auto'
    remember(next)
    show(next)
  })
  systemIsDark.addEventListener('change', () => show(root.dataset.theme ?? 'auto'))
  const before = remembered()
  show(before !== null && themes.includes(before) ? before : 'auto')
}

// A page from file:// may not be allowed to store anything.
/** @param {string} theme */
function remember(theme) {
  try {
    localStorage.setItem('siamrpn-theme', theme)
  } catch {}
}

function remembered() {
  try {
    return localStorage.getItem('siamrpn-theme')
  } catch {
    return null
  }
}

// Plots

/** @type {Set<() => void>} */
const redraws = new Set()

/**
 * The option with the colors of the present ground.
 * @param {unknown} value
 * @returns {unknown}
 */
function colored(value) {
  if (typeof value === 'string') return isDark() ? (dark[value] ?? value) : value
  if (Array.isArray(value)) return typeof value[0] === 'number' ? value : value.map(colored)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, colored(entry)]))
}

function startPlots() {
  /** @type {{ init(element: Element): Chart } | undefined} */
  const library = Reflect.get(globalThis, 'echarts')
  if (!library) return
  for (const plot of plots) {
    const figure = document.querySelector(`[data-plot="${plot.id}"]`)
    if (figure) startPlot(library, figure, plot)
  }
}

/**
 * @param {{ init(element: Element): Chart }} library
 * @param {Element} figure
 * @param {PagePlot} plot
 */
function startPlot(library, figure, plot) {
  const place = figure.querySelector('.live')
  if (!place) return
  figure.classList.add('is-live')
  const chart = library.init(place)
  /** @type {Set<string>} */
  const hidden = new Set()
  const draw = () => {
    const option = /** @type {Record<string, object>} */ (colored(plot.option))
    const selected = Object.fromEntries([...hidden].map((name) => [name, false]))
    const legend = { ...option.legend, selected }
    chart.setOption({ ...option, legend, tooltip: { ...option.tooltip, formatter: tooltipOf(plot) } }, true)
  }
  draw()
  redraws.add(draw)
  new ResizeObserver(() => chart.resize()).observe(place)
  for (const entry of figure.querySelectorAll('.legend li')) startSwitch(entry, hidden, draw)
}

/**
 * Hides a series and shows it again.
 * @param {Element} entry
 * @param {Set<string>} hidden
 * @param {() => void} draw
 */
function startSwitch(entry, hidden, draw) {
  const name = entry.getAttribute('data-series') ?? ''
  const button = element('button')
  button.setAttribute('type', 'button')
  button.setAttribute('aria-pressed', 'true')
  button.append(...entry.childNodes)
  button.addEventListener('click', () => {
    if (!hidden.delete(name)) hidden.add(name)
    button.setAttribute('aria-pressed', String(!hidden.has(name)))
    draw()
  })
  entry.append(button)
}

/**
 * Built of elements, so that names stay text.
 * @param {PagePlot} plot
 */
function tooltipOf({ digits, option }) {
  const isAcross = Reflect.get(Object(option.yAxis), 'type') === 'category'
  const isOne = Reflect.get(Object(option.tooltip), 'trigger') === 'item'
  const at = isAcross ? 0 : 1
  /** @param {Hovered | Hovered[]} hovered */
  return (hovered) => {
    const all = (Array.isArray(hovered) ? hovered : [hovered]).filter(({ seriesId }) => !seriesId?.startsWith('raw '))
    const box = element('div', 'tip')
    const first = all[0]
    if (!isOne) box.append(element('b', '', heading(first, isAcross, option)))
    for (const { seriesName, color, value } of all.toSorted((a, b) => b.value[at] - a.value[at])) {
      const row = element('div')
      const dot = element('i')
      dot.style.background = color
      const shown = isOne ? value.map((part) => part.toFixed(digits)).join(' · ') : short(value[at], digits)
      row.append(dot, element('span', '', seriesName.replace(/^\[.*?\] /, '')), element('em', '', shown))
      box.append(row)
    }
    return box
  }
}

/**
 * @param {Hovered | undefined} first
 * @param {boolean} isAcross
 * @param {Record<string, unknown>} option
 */
function heading(first, isAcross, option) {
  if (!first) return ''
  if (isAcross) return first.axisValueLabel ?? ''
  return `${Reflect.get(Object(option.xAxis), 'name')}: ${Number(first.value[0].toFixed(3))}`
}

/**
 * @param {number} value
 * @param {number} digits
 */
function short(value, digits) {
  return value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(2) : value.toFixed(digits)
}

/**
 * @param {string} name
 * @param {string} className
 * @param {string} text
 */
function element(name, className = '', text = '') {
  const made = document.createElement(name)
  if (className) made.className = className
  if (text) made.textContent = text
  return made
}

// Table of videos

function startTable() {
  const table = document.getElementById('video-table')
  const body = table?.querySelector('tbody')
  if (!table || !body) return
  const rows = [...body.rows]
  const heads = [...table.querySelectorAll('thead th')]
  for (const [column, head] of heads.entries()) {
    const button = element('button', '', head.textContent ?? '')
    button.setAttribute('type', 'button')
    button.addEventListener('click', () => sortBy(column))
    head.replaceChildren(button)
  }
  startFilters(rows)

  /** @param {number} column */
  function sortBy(column) {
    const head = heads[column]
    if (!head) return
    const before = head.getAttribute('aria-sort')
    const first = head.getAttribute('data-first') ?? 'ascending'
    const direction = before === null ? first : before === 'ascending' ? 'descending' : 'ascending'
    for (const other of heads) other.removeAttribute('aria-sort')
    head.setAttribute('aria-sort', direction)
    body?.append(...rows.toSorted((a, b) => compare(keyOf(a, column), keyOf(b, column), direction)))
  }
}

/**
 * @param {HTMLTableRowElement} row
 * @param {number} column
 */
function keyOf(row, column) {
  return row.cells[column]?.getAttribute('data-key') ?? ''
}

/**
 * Numbers as numbers; what is absent comes last either way.
 * @param {string} a
 * @param {string} b
 * @param {string} direction
 */
function compare(a, b, direction) {
  if (a === '' || b === '') return Number(a === '') - Number(b === '')
  const [x, y] = [Number(a), Number(b)]
  const order = Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b, 'en', { numeric: true }) : x - y
  return direction === 'ascending' ? order : -order
}

/** @param {HTMLTableRowElement[]} rows */
function startFilters(rows) {
  const filters = document.querySelector('.filters')
  const name = document.getElementById('filter-name')
  const attribute = document.getElementById('filter-attribute')
  const lost = document.getElementById('filter-lost')
  const count = document.getElementById('filter-count')
  if (!filters || !(name instanceof HTMLInputElement) || !(lost instanceof HTMLInputElement) || !count) return
  const apply = () => {
    const part = name.value.trim().toLowerCase()
    const wanted = attribute instanceof HTMLSelectElement ? attribute.value : ''
    let shown = 0
    for (const row of rows) {
      const attributes = (row.dataset.attributes ?? '').split(' ')
      const isNamed = keyOf(row, 0).toLowerCase().includes(part)
      row.hidden =
        !isNamed || (wanted !== '' && !attributes.includes(wanted)) || (lost.checked && !('lost' in row.dataset))
      if (!row.hidden) shown++
    }
    count.textContent = `${shown} of ${rows.length}`
  }
  for (const control of [name, attribute, lost]) control?.addEventListener('input', apply)
  filters.removeAttribute('hidden')
}

startThemes()
startPlots()
startTable()
