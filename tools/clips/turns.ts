// Sine and cosine of angles in turns, by a polynomial: `Math.sin` may differ in its last bit from one engine to another,
// and a clip must be the same bytes everywhere.

/** sin(2 pi t), to 1e-7. */
export function sinTurns(t: number): number {
  let x = t - Math.floor(t + 0.5)
  if (x > 0.25) x = 0.5 - x
  else if (x < -0.25) x = -0.5 - x
  const z = x * x
  const tail = 42.058693944897634 - z * 15.094642576822984
  return (
    x * (6.283185307179586 - z * (41.341702240399755 - z * (81.60524927607504 - z * (76.70585975306136 - z * tail))))
  )
}

/** cos(2 pi t), to 1e-7. */
export function cosTurns(t: number): number {
  return sinTurns(t + 0.25)
}
