// Import recognises a file by what is in it, not by its name, and reads it for the clip that is open.

import { ImportError } from '../model/errors.ts'
import type { ClipFacts, Project } from '../model/project.ts'
import { isCocoVid, readCocoVid } from './coco-vid.ts'
import { isCsv, readCsv } from './csv.ts'
import { readGroundTruth } from './ground-truth.ts'
import { isProjectJson, readProjectJson } from './json.ts'
import { isMot, readMot } from './mot.ts'

/** @throws ImportError with what was found */
export function importAnnotations(clip: ClipFacts, text: string, name: string): Project {
  if (text.trim() === '') throw new ImportError(`"${name}" is empty`)
  if (/^\s*[{[]/.test(text)) return importJson(clip, text, name)
  if (isCsv(text)) return readCsv(clip, text)
  if (isMot(text)) return readMot(clip, text)
  if (/^[\uFEFF\s]*(-?[\d.]|nan)/i.test(text)) return readGroundTruth(clip, text, name.replace(/\.[^.]*$/, ''))
  throw new ImportError(
    `"${name}" begins with "${text.trim().slice(0, 40)}", expected JSON, COCO-VID, CSV, MOT or a ground truth`,
  )
}

function importJson(clip: ClipFacts, text: string, name: string): Project {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new ImportError(`"${name}" is no valid JSON: ${String(error)}`, { cause: error })
  }
  if (isProjectJson(value)) return readProjectJson(clip, value)
  if (isCocoVid(value)) return readCocoVid(clip, value)
  throw new ImportError(`"${name}" is JSON, but neither a project of this page nor COCO-VID`)
}
