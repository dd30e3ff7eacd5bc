// Probabilities to answers: `hwr_edge.decode` for one character.

// The labels that a charset allows: one of the names that come with the model, or such as "0-9A-F".
export function allowedLabels(model, charset) {
  if (!charset) return model.labels;
  const named = model.named[charset];
  if (named) return named;
  const [wanted, ends] = [new Set(), []];
  const letters = [...charset];
  for (let at = 0; at < letters.length; at++) {
    const first = letters[at];
    const range = letters[at + 1] === "-" && at + 2 < letters.length;
    const last = range ? letters[at + 2] : first;
    if (first > last) throw new Error(`the range ${first}-${last} runs backwards`);
    for (const label of model.labels) if (first <= label && label <= last) wanted.add(label);
    ends.push(first, last);
    if (range) at += 2;
  }
  const unknown = ends.filter((one) => !model.labels.includes(one));
  if (unknown.length) throw new Error(`the model does not know ${unknown[0]}; it knows ${model.labels.join("")}`);
  return model.labels.filter((label) => wanted.has(label));
}

const TWIN = 0.3; // what a letter of the other case counts, where only one case is allowed

// The allowed label that a letter of the other case speaks for, if any; a small l among capitals may be an I.
function twinOf(label, allowed, model) {
  const twin = label === label.toUpperCase() ? label.toLowerCase() : label.toUpperCase();
  const alike = model.lookalikes.find((group) => group.includes(label)) ?? label;
  const rivals = [...alike].filter((one) => one !== twin && allowed.has(one));
  return !allowed.has(label) && allowed.has(twin) && !rivals.length ? twin : null;
}

// Calibrated alternatives, best first: [{label, confidence}, ...].
export function alternatives(probabilities, model, charset, count = 5) {
  const allowed = new Set(allowedLabels(model, charset));
  const scores = new Map([...allowed].map((label) => [label, 0]));
  model.labels.forEach((label, index) => {
    const score = probabilities[index] ** (1 / model.temperature);
    const twin = twinOf(label, allowed, model);
    if (allowed.has(label)) scores.set(label, scores.get(label) + score);
    else if (twin) scores.set(twin, scores.get(twin) + TWIN * score);
  });
  const total = [...scores.values()].reduce((sum, score) => sum + score, 0);
  return [...scores]
    .map(([label, score]) => ({ label, confidence: total > 0 ? score / total : 1 / scores.size }))
    .sort((a, b) => b.confidence - a.confidence)
    .slice(0, count);
}
