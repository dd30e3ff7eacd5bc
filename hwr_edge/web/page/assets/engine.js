// Reading, done by the server that this page came from.
// `hwr-edge serve --static` puts another engine.js here, with the same functions, that reads in the browser.

export const layouts = ["auto", "char", "word", "page"];
export const sources = ["draw", "picture", "camera"];
export const wantsCanvas = false; // a drawing comes as a Blob, like any picture
export const hint = "Write here";
export const note = "";

// The models served: {default, models: [{name, labels, charsets, ...}]}.
export async function models() {
  return answerOf(await fetch("v1/models"));
}

// Read a Blob of a picture; the JSON of `hwr-edge predict`, with `seen` in each character.
export async function predict(picture, options) {
  const query = new URLSearchParams({ ...options, seen: "1" });
  return answerOf(await fetch(`v1/predict?${query}`, { method: "POST", body: picture }));
}

async function answerOf(response) {
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return answer;
  throw new Error(answer?.error?.message ?? `the server answered with status ${response.status}`);
}
