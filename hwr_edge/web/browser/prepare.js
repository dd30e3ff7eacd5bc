// A drawing to the input of a model: the steps of `hwr_edge.ink.char_crop` and `hwr_edge.image.to_batch`,
// with the same names and figures, for dark ink on a light ground. A test holds the two together.

import { blur, components, crop, extreme, plane, resize, round } from "./plane.js";

const COARSE = 160;
const FINE = 96;
const BACKGROUND = 32;
export const INK = 90;
const MIN_CONTRAST = 10;
const MIN_SNR = 5;
const RIM = 0.07;
const RIM_SHARE = 0.85;
const LEVEL_FLOOR = 40;

// One character out of a grey plane: {patch, box: [x0, y0, x1, y1]}, or null where nothing is written.
export function charCrop(image) {
  const coarse = shrink(image, COARSE);
  const found = cut(inkPlane(coarse));
  if (!found) return null;
  if (coarse === image) return { patch: shrink(found.patch, FINE), box: found.box };
  const scaleX = image.width / coarse.width;
  const scaleY = image.height / coarse.height;
  const [x0, y0, x1, y1] = found.box;
  const room = 0.15 * Math.max(x1 - x0, y1 - y0) + 2;
  const left = Math.max(0, Math.trunc((x0 - room) * scaleX));
  const top = Math.max(0, Math.trunc((y0 - room) * scaleY));
  const right = Math.trunc((x1 + room) * scaleX) + 1;
  const bottom = Math.trunc((y1 + room) * scaleY) + 1;
  const window = crop(image, left, top, right, bottom);
  const fine = shrink(window, FINE);
  const again = cut(inkPlane(fine));
  if (!again) {
    const box = [Math.trunc(x0 * scaleX), Math.trunc(y0 * scaleY), round(x1 * scaleX), round(y1 * scaleY)];
    return { patch: shrink(found.patch, FINE), box };
  }
  const toX = window.width / fine.width;
  const toY = window.height / fine.height;
  const [fx0, fy0, fx1, fy1] = again.box;
  const box = [left + Math.trunc(fx0 * toX), top + Math.trunc(fy0 * toY), left + round(fx1 * toX), top + round(fy1 * toY)];
  return { patch: again.patch, box };
}

// The model's pixels for a patch: Uint8Array of height * width * channels.
export function toInput(patch, spec) {
  const roomH = spec.height - 2 * spec.margin;
  const roomW = spec.width - 2 * spec.margin;
  let [newH, newW] = [roomH, roomW];
  if (spec.fit === "contain") {
    const scale = Math.min(roomH / patch.height, roomW / patch.width);
    newH = Math.max(1, Math.trunc(patch.height * scale + 0.5));
    newW = Math.max(1, Math.trunc(patch.width * scale + 0.5));
  }
  const how = newH < patch.height || newW < patch.width ? "area" : "linear";
  const small = resize(patch, newW, newH, how);
  const top = (spec.height - newH) >> 1;
  const left = (spec.width - newW) >> 1;
  const peak = Math.max(LEVEL_FLOOR, small.data.reduce((most, value) => Math.max(most, value), 0));
  const input = new Uint8Array(spec.height * spec.width).fill(0);
  for (let y = 0; y < newH; y++) {
    for (let x = 0; x < newW; x++) {
      input[(top + y) * spec.width + left + x] = Math.trunc((small.data[y * newW + x] * 255) / peak);
    }
  }
  if (spec.ink === "dark") input.forEach((value, at) => (input[at] = 255 - value));
  if (spec.channels === 1) return input;
  return Uint8Array.from({ length: 3 * input.length }, (_, at) => input[Math.floor(at / 3)]);
}

// Reduce so that the longest side is at most `longest` pixels.
export function shrink(image, longest) {
  const scale = longest / Math.max(image.width, image.height);
  if (scale >= 1) return image;
  return resize(image, Math.max(1, round(image.width * scale)), Math.max(1, round(image.height * scale)), "area");
}

// Grey, dark on light, to 0 for paper and 255 for full ink.
function inkPlane(grey) {
  return stretch(depthOf(grey)) ?? stretch(depthOf(blur(grey))) ?? plane(grey.width, grey.height);
}

function depthOf(grey) {
  const ground = paper(grey);
  const depth = plane(grey.width, grey.height);
  depth.data.forEach((_, at) => (depth.data[at] = Math.max(0, ground.data[at] - grey.data[at])));
  return depth;
}

function paper(grey) {
  const small = shrink(grey, BACKGROUND);
  const side = Math.max(3, Math.trunc(0.45 * Math.max(small.width, small.height)) | 1);
  const closed = extreme(extreme(small, side, Math.max), side, Math.min);
  return resize(blur(closed), grey.width, grey.height, "linear");
}

// Null where nothing rises above the noise.
function stretch(depth) {
  const histogram = new Float64Array(256);
  for (const value of depth.data) histogram[value]++;
  const half = depth.data.length / 2;
  const base = reaches(histogram, half);
  const spread = new Float64Array(256);
  histogram.forEach((count, value) => (spread[Math.abs(value - base)] += count));
  const noise = 1.4826 * reaches(spread, half);
  const level = Math.trunc(Math.max(otsu(histogram), base + 2 * noise));
  const above = histogram.map((count, value) => (value > level ? count : 0));
  const total = above.reduce((sum, count) => sum + count, 0);
  const peak = total ? reaches(above, 0.6 * total) : 0;
  if (peak - base < Math.max(MIN_CONTRAST, MIN_SNR * noise)) return null;
  const out = plane(depth.width, depth.height);
  const low = Math.min(base + 2 * noise, peak - 4);
  const table = Uint8Array.from({ length: 256 }, (_, value) =>
    Math.trunc(Math.min(255, Math.max(0, ((value - low) * 255) / (peak - low)))));
  depth.data.forEach((value, at) => (out.data[at] = table[value]));
  return out;
}

// The first value up to which at least `count` pixels lie.
function reaches(histogram, count) {
  let sum = 0;
  for (let value = 0; value < 256; value++) {
    sum += histogram[value];
    if (sum >= count) return value;
  }
  return 256;
}

function otsu(histogram) {
  const total = histogram.reduce((sum, count) => sum + count, 0);
  const mean = histogram.reduce((sum, count, value) => sum + count * value, 0) / total;
  let [best, most, share, sum] = [0, 0, 0, 0];
  for (let value = 0; value < 256; value++) {
    share += histogram[value] / total;
    sum += (value * histogram[value]) / total;
    if (Math.min(share, 1 - share) < 1.2e-7) continue;
    const between = share * (1 - share) * (sum / share - (mean - sum) / (1 - share)) ** 2;
    if (between > most) [best, most] = [value, between];
  }
  return best;
}

// The part of a plane that holds the character, other pieces blanked; null where there is no ink.
function cut(ink) {
  const { labels, pieces } = components(ink, INK);
  const keep = piecesOfCharacter(labels, pieces, ink);
  const kept = pieces.filter((_, index) => keep[index]);
  if (!kept.length) return null;
  if (kept.length < pieces.length) {
    const mask = plane(ink.width, ink.height);
    labels.forEach((label, at) => (mask.data[at] = label && keep[label - 1] ? 255 : 0));
    const soft = extreme(mask, 3, Math.max);
    ink = plane(ink.width, ink.height, ink.data.map((value, at) => value & soft.data[at]));
  }
  const box = [
    Math.min(...kept.map((piece) => piece.x0)),
    Math.min(...kept.map((piece) => piece.y0)),
    Math.max(...kept.map((piece) => piece.x1)),
    Math.max(...kept.map((piece) => piece.y1)),
  ];
  return { patch: crop(ink, ...box), box };
}

// Which pieces are the character: not specks, not scraps or frame lines at the picture's edge.
function piecesOfCharacter(labels, pieces, { width, height }) {
  const inRim = rimAreas(labels, pieces.length, width, height);
  const touches = pieces.map(({ x0, y0, x1, y1 }) => x0 === 0 || y0 === 0 || x1 === width || y1 === height);
  const frame = pieces.map((piece, index) =>
    (touches[index] && inRim[index] > RIM_SHARE * piece.area) ||
    crosses(piece.x0, piece.x1, width, piece.y0, piece.y1, height) ||
    crosses(piece.y0, piece.y1, height, piece.x0, piece.x1, width));
  const largest = Math.max(1, ...pieces.map(({ area }, index) => (frame[index] ? 0 : area)));
  const scrap = (touches.some((one) => !one) ? 0.35 : 0.2) * largest;
  const speck = Math.max(1.5, 0.012 * largest);
  const body = pieces.find(({ area }, index) => !frame[index] && area === largest);
  return pieces.map((piece, index) => {
    if (piece.area < speck) return false;
    const foreign = frame[index] || (touches[index] && piece.area < scrap);
    return !foreign || (body !== undefined && isDotCutAbove(piece, body, width));
  });
}

// A small one at the picture's upper edge alone that stands closely over the body: an i's dot, a ㅊ's stroke.
function isDotCutAbove(piece, body, columns) {
  const middle = piece.x0 + piece.x1;
  const tall = body.y1 - body.y0;
  return piece.y0 === 0 && piece.x0 > 0 && piece.x1 < columns &&
    middle >= 2 * body.x0 && middle <= 2 * body.x1 &&
    piece.y1 <= body.y0 + 1 && body.y0 - piece.y1 <= 0.3 * tall &&
    piece.x1 - piece.x0 <= 0.5 * Math.max(body.x1 - body.x0, tall);
}

// Slim ones that run from edge to edge of `side` and lie near an edge of the `other` side: rules.
function crosses(start, end, side, low, high, other) {
  const offCentre = Math.abs((low + high) / 2 - other / 2);
  return start === 0 && end === side && high - low <= 0.15 * other && offCentre > 0.33 * other;
}

// Pixels of each piece within a thin rim along the picture's edge.
function rimAreas(labels, count, width, height) {
  const rim = Math.max(1, round(RIM * Math.max(width, height)));
  const hollow = Math.min(width, height) > 2 * rim;
  const areas = new Array(count).fill(0);
  labels.forEach((label, at) => {
    const [x, y] = [at % width, Math.floor(at / width)];
    const inside = hollow && x >= rim && y >= rim && x < width - rim && y < height - rim;
    if (label && !inside) areas[label - 1]++;
  });
  return areas;
}
