// Ties the page together: where writing comes from, how it is read, where the answer goes.

import { Answer } from "./answer.js";
import { Camera } from "./camera.js";
import * as engine from "./engine.js";
import { Pad } from "./pad.js";

const $ = (id) => document.getElementById(id);
const AGAIN = 1000; // ms until a camera frame is tried again after a failure
const PACE = 80; // ms between readings of a stroke that still grows

const answer = new Answer();
const camera = new Camera($("video"));
const pad = new Pad($("pad"), drawn);
let catalogue = null;
let picture = null; // the Blob chosen last

// One picture is being read at a time; of those that come meanwhile only the newest waits.
let reading = false;
let waiting = null;
let began = 0; // when the last one was begun

async function read(job) {
  waiting = job;
  if (reading) return;
  reading = true;
  try {
    while (waiting) {
      const now = waiting;
      waiting = null;
      began = performance.now();
      await readOne(now);
    }
  } finally {
    reading = false;
  }
}

// A job: `source` names the panel, `picture()` gives a Blob or a canvas, `size()` that of its pixels.
async function readOne(job) {
  try {
    const result = await engine.predict(await job.picture(), wishes());
    if (job.source !== source() || job.over?.()) return; // somebody has gone on meanwhile
    answer.show(result, job.size(), $(job.source).querySelector(".boxes"));
    say(result.note ?? job.note ?? "");
  } catch (error) {
    if (job.source !== source()) return;
    answer.clear();
    say(error.message === "Failed to fetch" ? "The server does not answer." : sentence(error.message), true);
    job.failed?.();
  }
}

function wishes() {
  const charset = $("charset").value === "custom" ? $("characters").value : $("charset").value;
  return { model: $("model").value, layout: $("layout").value, charset };
}

// Drawing

function drawn(finished) {
  $("hint").hidden = !pad.empty;
  $("undo").disabled = $("clear").disabled = pad.empty;
  if (pad.empty) {
    waiting = null;
    answer.clear();
    say("");
  } else if (finished || (!reading && performance.now() - began > PACE)) {
    readDrawing();
  }
}

function readDrawing() {
  if (pad.empty) return;
  const size = pad.size;
  read({
    source: "draw",
    picture: async () => engine.wantsCanvas ? pad.picture() : pad.picture().convertToBlob(),
    size: () => size,
    over: () => pad.empty,
  });
}

$("undo").addEventListener("click", () => pad.undo());
$("clear").addEventListener("click", () => pad.clear());

document.addEventListener("keydown", (event) => {
  if (source() !== "draw" || pad.empty || event.target.matches("input, select")) return;
  if (event.key === "Escape") pad.clear();
  else if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey)) pad.undo();
  else return;
  event.preventDefault();
});

// Pictures

function take(file) {
  if (!file || !engine.sources.includes("picture")) return;
  picture = file;
  turnTo("picture");
}

async function readPicture() {
  if (!picture) return;
  const shown = $("shown");
  if (shown.dataset.of !== String(picture.lastModified) + picture.name + picture.size) await showPicture(picture);
  read({
    source: "picture",
    picture: async () => picture,
    size: () => ({ width: shown.naturalWidth || 1, height: shown.naturalHeight || 1 }),
    note: shown.hidden ? "The browser cannot show this kind of picture; it was read all the same." : "",
  });
}

async function showPicture(file) {
  const shown = $("shown");
  URL.revokeObjectURL(shown.src);
  shown.src = URL.createObjectURL(file);
  shown.dataset.of = String(file.lastModified) + file.name + file.size;
  answer.clear();
  say("Reading the picture");
  $("invite").hidden = true;
  shown.hidden = !(await shown.decode().then(() => true, () => false));
}

$("file").addEventListener("change", (event) => {
  take(event.target.files[0]);
  event.target.value = ""; // so that the same file can be chosen again
});
document.addEventListener("paste", (event) => {
  const file = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
  if (file) take(file);
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  for (const stage of document.querySelectorAll(".stage")) stage.classList.add("over");
});
for (const name of ["dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    if (name === "dragleave" && event.relatedTarget) return;
    for (const stage of document.querySelectorAll(".stage")) stage.classList.remove("over");
  });
}
document.addEventListener("drop", (event) => {
  event.preventDefault();
  take(event.dataTransfer.files[0]);
});

// Camera

async function film() {
  try {
    if (camera.on) {
      camera.stop();
    } else {
      await camera.start();
      readFrame();
    }
    say("");
  } catch (error) {
    camera.stop();
    say(error.message, true);
  }
  $("film").textContent = camera.on ? "Stop the camera" : "Start the camera";
  $("film").setAttribute("aria-pressed", String(camera.on));
  $("asleep").hidden = camera.on;
  if (!camera.on) answer.clear();
}

async function readFrame() {
  while (camera.on) {
    let failed = false;
    let size = null;
    await read({
      source: "camera",
      picture: async () => {
        const frame = camera.frame();
        size = { width: frame.width, height: frame.height };
        return frame.convertToBlob({ type: "image/jpeg", quality: 0.92 });
      },
      size: () => size,
      over: () => !camera.on,
      failed: () => (failed = true),
    });
    await new Promise((done) => (failed ? setTimeout(done, AGAIN) : requestAnimationFrame(done)));
  }
}

$("film").addEventListener("click", film);

// Panels

const tabs = [...$("tabs").children];

function source() {
  return tabs.find((tab) => tab.getAttribute("aria-selected") === "true").getAttribute("aria-controls");
}

function turnTo(name) {
  if (name !== source()) {
    if (camera.on) film();
    answer.clear();
    say("");
  }
  for (const tab of tabs) {
    const chosen = tab.getAttribute("aria-controls") === name;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    $(tab.getAttribute("aria-controls")).hidden = !chosen;
  }
  readAgain();
}

function readAgain() {
  if (source() === "draw") readDrawing();
  if (source() === "picture") readPicture();
}

for (const tab of tabs) {
  tab.addEventListener("click", () => turnTo(tab.getAttribute("aria-controls")));
}
$("tabs").addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step) return;
  const open = tabs.filter((tab) => !tab.hidden);
  const next = open[(open.indexOf(document.activeElement) + step + open.length) % open.length];
  next.focus();
  next.click();
});

// Options

async function fill() {
  $("hint").textContent = engine.hint;
  $("note").textContent = engine.note;
  for (const tab of tabs) tab.hidden = !engine.sources.includes(tab.getAttribute("aria-controls"));
  $("tabs").hidden = engine.sources.length === 1;
  $("layouts").hidden = engine.layouts.length === 1;
  $("layout").value = engine.layouts[0];
  try {
    catalogue = await engine.models();
  } catch (error) {
    say(sentence(error.message), true);
    return;
  }
  $("model").replaceChildren(...catalogue.models.map(({ name }) => new Option(name, name)));
  $("model").value = catalogue.default;
  fillCharsets();
  document.documentElement.dataset.ready = "yes";
}

function fillCharsets() {
  const model = catalogue.models.find(({ name }) => name === $("model").value);
  const named = { digits: "0-9", upper: "A-Z", lower: "a-z", letters: "letters" };
  const options = model.charsets.map((name) => new Option(named[name], name));
  $("charset").replaceChildren(new Option("all", ""), ...options, new Option("these …", "custom"));
  $("custom").hidden = true;
}

$("options").addEventListener("submit", (event) => event.preventDefault());
$("options").addEventListener("input", (event) => {
  if (event.target === $("model")) fillCharsets();
  if (event.target === $("charset")) $("custom").hidden = $("charset").value !== "custom";
  readAgain();
});

function say(words, wrong = false) {
  $("status").textContent = words;
  $("status").classList.toggle("wrong", wrong);
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}

fill();
