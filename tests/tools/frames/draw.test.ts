// Drawing: which pixels change, in which color, and that nothing leaves the frame.

import { expect, test } from 'vitest'
import type { RgbFrame } from '../../../src/siamrpn/frame.ts'
import {
  annotate,
  colorOf,
  drawBox,
  drawLabel,
  fillRect,
  groundTruthColor,
  labelSize,
} from '../../../tools/frames/draw.ts'
import { glyphHeight, glyphRows, glyphWidth } from '../../../tools/frames/font.ts'
import { pixel, plainFrame } from './helpers.ts'

const gray = [90, 90, 90] as const

/** Pixels of a color. */
function count(frame: RgbFrame, color: readonly number[]): number {
  let found = 0
  for (let y = 0; y < frame.height; y++) {
    for (let x = 0; x < frame.width; x++) if (pixel(frame, x, y).join() === color.join()) found++
  }
  return found
}

test('an outline lies on the edge of its box, inside, and leaves the interior alone', () => {
  const frame = plainFrame(60, 50, gray)
  drawBox(frame, { x: 10, y: 12, width: 20, height: 16 }, [255, 0, 0], 2)
  for (const [x, y] of [
    [10, 12],
    [29, 12],
    [10, 27],
    [29, 27],
    [11, 20],
    [20, 26],
  ] as const) {
    expect(pixel(frame, x, y), `${x},${y}`).toEqual([255, 0, 0])
  }
  expect(pixel(frame, 9, 20), 'dark hairline outside').toEqual([16, 16, 16])
  expect(pixel(frame, 12, 20), 'dark hairline inside').toEqual([16, 16, 16])
  expect(pixel(frame, 8, 20)).toEqual([...gray])
  expect(pixel(frame, 20, 20)).toEqual([...gray])
  expect(count(frame, [255, 0, 0])).toBe(20 * 16 - 16 * 12)
})

test('boxes that leave the frame are clipped, those without area or number are left out', () => {
  const frame = plainFrame(40, 30, gray)
  for (const box of [
    { x: Number.NaN, y: 0, width: 5, height: 5 },
    { x: 1, y: 1, width: 0, height: 5 },
    { x: 1, y: 1, width: Number.POSITIVE_INFINITY, height: 5 },
    { x: 100, y: 100, width: 5, height: 5 },
  ]) {
    drawBox(frame, box, [255, 0, 0])
  }
  expect(frame.data).toEqual(plainFrame(40, 30, gray).data)
  drawBox(frame, { x: -10, y: -10, width: 20, height: 20 }, [255, 0, 0], 2)
  expect(pixel(frame, 0, 9)).toEqual([255, 0, 0])
  expect(pixel(frame, 0, 0)).toEqual([...gray])
})

test('a label is a filled rectangle with the glyphs of its text', () => {
  const frame = plainFrame(100, 40, gray)
  drawLabel(frame, { x: 3, y: 5 }, '1', [255, 255, 255])
  const { width, height } = labelSize(frame, '1')
  const ink = glyphRows('1').join('').replaceAll('.', '').length
  expect(count(frame, [16, 16, 16])).toBe(ink)
  expect(count(frame, [255, 255, 255])).toBe(width * height - ink)
  expect(pixel(frame, 3 + 2 + 2, 5 + 2), 'the tip of the one').toEqual([16, 16, 16])
})

test('every glyph is five by seven, and no two characters look alike', () => {
  const characters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.,:%+-/()!?=_#' "
  for (const character of characters) {
    const rows = glyphRows(character)
    expect(rows.length, character).toBe(glyphHeight)
    for (const row of rows) expect(row, character).toMatch(new RegExp(`^[.#]{${glyphWidth}}$`))
  }
  expect(new Set([...characters].map((character) => glyphRows(character).join())).size).toBe(characters.length)
  expect(glyphRows('a')).toEqual(glyphRows('A'))
  expect(glyphRows('é').join(), 'unknown characters are a frame').toContain('#####')
})

test('annotating draws targets, score labels and ground truth on a copy', () => {
  const frame = plainFrame(160, 120, gray)
  const box = { x: 50, y: 50, width: 40, height: 30 }
  const truth = { x: 20, y: 70, width: 20, height: 20 }
  const picture = annotate(frame, { targets: [{ box, score: 0.5 }], groundTruth: [truth, undefined] })
  expect(frame.data, 'the original is untouched').toEqual(plainFrame(160, 120, gray).data)
  expect(pixel(picture, 50, 65)).toEqual([...colorOf(0)])
  expect(pixel(picture, 20, 80)).toEqual([...groundTruthColor])
  expect(pixel(picture, 49, 45), 'the label stands on the box').toEqual([...colorOf(0)])
})

test('a label that has no room above its box goes under the edge, and stays in the frame', () => {
  const picture = annotate(plainFrame(60, 60, gray), {
    targets: [{ box: { x: 50, y: 0, width: 30, height: 40 }, score: 1 }],
  })
  expect(count(picture, [16, 16, 16]), 'letters').toBeGreaterThan(20)
  expect(pixel(picture, 59, 3)).toEqual([...colorOf(0)])
})

test('several targets have colors of their own', () => {
  const targets = [0, 1].map((k) => ({ box: { x: 10 + 60 * k, y: 50, width: 40, height: 30 }, score: 0.1 }))
  const picture = annotate(plainFrame(160, 120, gray), { targets })
  expect(pixel(picture, 10, 65)).toEqual([...colorOf(0)])
  expect(pixel(picture, 70, 65)).toEqual([...colorOf(1)])
  expect(colorOf(0)).not.toEqual(colorOf(1))
})

test('letters and lines grow with the frame', () => {
  expect(labelSize(plainFrame(1920, 1080, gray), '99').height).toBeGreaterThan(
    2 * labelSize(plainFrame(480, 360, gray), '99').height,
  )
})

test('a banner runs across the top', () => {
  const picture = annotate(plainFrame(200, 100, gray), { targets: [], banner: 'Hi' })
  expect(pixel(picture, 0, 0)).toEqual([16, 16, 16])
  expect(pixel(picture, 199, 5)).toEqual([16, 16, 16])
  expect(count(picture, [255, 255, 255])).toBe(
    (glyphRows('H').join('') + glyphRows('I').join('')).replaceAll('.', '').length,
  )
})

test('filling clips at every side', () => {
  const frame = plainFrame(4, 3, gray)
  fillRect(frame, { x: -5, y: -5, width: 50, height: 50 }, [1, 2, 3])
  expect(frame.data).toEqual(plainFrame(4, 3, [1, 2, 3]).data)
})
