// Ink that is no character, however sure a model is: `hwr_edge.tangle`, with the same names and figures.

import { shrink } from "./prepare.js";

const SIDE = 48;
const INK = 90;
const CROSSED = 6.0;
const BOTH = 2.2;
const RULE = 0.25;
const WHOLE = 0.95;

// Whether a patch of ink has more strokes than any character, or is rules alone.
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
  return across + down > CROSSED || Math.min(across, down) > BOTH || ruled(width, height, ink);
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
