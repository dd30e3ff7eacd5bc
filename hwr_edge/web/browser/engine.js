// Reading in the browser itself: the same functions as the engine.js of the server, for one character a drawing.

import * as ort from "./ort/ort.wasm.bundle.min.mjs";
import { alternatives } from "./decode.js";
import { plane } from "./plane.js";
import { charCrop, toInput } from "./prepare.js";
import { tangled } from "./tangle.js";

export const layouts = ["char"];
export const sources = ["draw"];
export const wantsCanvas = true;
export const hint = "Write one character";
export const note = "This page reads one character at a time, in your browser. For lines, pages and pictures, run hwr-edge serve.";

const [WIDE, DASH] = [1.8, 0.3]; // as in `hwr_edge.locate.kind`: what is wider for its height is a word, or a dash

ort.env.wasm.numThreads = 1; // more would need headers that few web hosts send
ort.env.wasm.wasmPaths = { wasm: new URL("ort/ort-wasm-simd-threaded.wasm", import.meta.url).href };

const sessions = new Map();
let catalogue = null;

export async function models() {
  const response = await fetch(new URL("../models/models.json", import.meta.url));
  if (!response.ok) throw new Error("the folder of this page is not complete: models/models.json is missing");
  catalogue = await response.json();
  open(catalogue.default);
  return catalogue;
}

// Read a canvas with one character on it, dark on light; the JSON of `hwr-edge predict --layout char`.
export async function predict(canvas, options) {
  const start = performance.now();
  const model = catalogue.models.find(({ name }) => name === options.model);
  const found = charCrop(grey(canvas));
  const located = performance.now();
  const characters = [];
  let done = located;
  if (found) {
    const input = toInput(found.patch, model.input);
    const session = await open(model.name);
    done = performance.now();
    const { height, width, channels } = model.input;
    const tensor = new ort.Tensor("uint8", input, [1, height, width, channels]);
    const output = await session.run({ [session.inputNames[0]]: tensor });
    const best = alternatives(output[session.outputNames[0]].data, model, options.charset);
    characters.push({ ...best[0], box: found.box, alternatives: best, seen: png(input, model.input) });
  }
  const end = performance.now();
  const [x0, y0, x1, y1] = found?.box ?? [0, 0, 0, 0];
  const wide = x1 - x0 > WIDE * (y1 - y0) && y1 - y0 > DASH * (x1 - x0);
  const doubtful = found && (characters[0].confidence < model.reject_below || tangled(found.patch));
  const text = characters.map(({ label }) => label).join("");
  return {
    schema: "hwr-edge/predict/1",
    input: "<canvas>",
    model: { name: model.name, sha256: model.sha256 },
    runtime: "onnxruntime-web",
    device: "cpu",
    text,
    lines: found ? [text] : [],
    characters,
    polarity: "dark-on-light",
    rejected: !found ? "blank" : doubtful ? "low_confidence" : null,
    note: wide || doubtful ? "That is hardly one character: clear the sheet, and write one." : "",
    timing_ms: { locate: located - start, prepare: done - located, inference: end - done, total: end - start },
  };
}

function open(name) {
  if (!sessions.has(name)) {
    const { file } = catalogue.models.find((model) => model.name === name);
    sessions.set(name, ort.InferenceSession.create(new URL(`../models/${file}`, import.meta.url).href));
  }
  return sessions.get(name);
}

function grey(canvas) {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  const out = plane(width, height);
  for (let at = 0; at < out.data.length; at++) out.data[at] = data[4 * at]; // red, green and blue are the same
  return out;
}

function png(input, { height, width, channels }) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const picture = new ImageData(width, height);
  for (let at = 0; at < width * height; at++) {
    picture.data.fill(input[at * channels], 4 * at, 4 * at + 3);
    picture.data[4 * at + 3] = 255;
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return canvas.toDataURL("image/png").split(",")[1];
}
