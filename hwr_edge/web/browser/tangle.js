// Ink that is no character, however sure a model is: `hwr_edge.tangle`, with the same names and figures.

import { INK, shrink } from "./prepare.js";

const SIDE = 48;
const CROSSED = 6.0;
const BOTH = 2.2;
const RULE = 0.25;
const WHOLE = 0.95;
const STRAIGHT = 0.03;

// Whether a patch of ink has more strokes than any character, or is rules or a box.
export function tangled(patch) {
  const { width, height, data } = shrink(patch, SIDE);
  const ink = (x, y) => data[y * width + x] >= INK;
  let [across, down] = [0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!ink(x, y)) continue;
      if (x === 0 || !ink(x - 1, y)) across++;
      if (y === 0 || !ink(x, y - 1)) down++;
    }
  }
  const side = Math.max(width, height);
  [across, down] = [across / side, down / side];
  return across + down > CROSSED || Math.min(across, down) > BOTH ||
    ruled(width, height, ink) || boxed(width, height, ink);
}

// Two strokes or more one over the other, each slim and as long as the whole.
function ruled(width, height, ink) {
  const columns = Array.from({ length: width }, (_, x) => x);
  const inked = Array.from({ length: height }, (_, y) => columns.some((x) => ink(x, y)));
  if (inked.every(Boolean)) return false;
  const bands = [];
  inked.forEach((one, y) => {
    if (one && !inked[y - 1]) bands.push([]);
    if (one) bands.at(-1).push(y);
  });
  return bands.every((band) =>
    band.length <= RULE * width &&
    columns.filter((x) => band.some((y) => ink(x, y))).length > WHOLE * width);
}

// Four straight sides about what is mostly paper, in ink large enough to show how straight they are.
function boxed(width, height, ink) {
  if (Math.max(width, height) < SIDE) return false;
  const [left, top] = [Math.floor(width / 4), Math.floor(height / 4)];
  const [right, bottom] = [width - left, height - top];
  let inked = 0;
  for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) inked += ink(x, y);
  if (inked > 0.5 * (right - left) * (bottom - top)) return false;
  return straight(height, width, (row, at) => ink(at, row)) &&
    straight(height, width, (row, at) => ink(width - 1 - at, row)) &&
    straight(width, height, (row, at) => ink(row, at)) &&
    straight(width, height, (row, at) => ink(row, height - 1 - at));
}

// Whether ink begins at the edge in every row but those at the ends, where corners are round.
function straight(rows, across, ink) {
  const end = Math.floor(rows / 8);
  for (let row = end; row < rows - end; row++) {
    let at = 0;
    while (at <= STRAIGHT * across && !ink(row, at)) at++;
    if (at > STRAIGHT * across) return false;
  }
  return true;
}
