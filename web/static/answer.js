// The answer for the film that is shown: label or "I do not know", warnings, bars, counts, facts of the film.

import { element, fill, id } from "./dom.js";
import { retry } from "./jobs.js";
import { served, servedModel, shown } from "./store.js";
import { bytes, leftOpen, probability, suchAnswers, verdictOfModel } from "./words.js";

const DOT = 6; // screen pixels of a dot of the hundred

/** Everything of the answer that follows from the state. */
export function updateAnswer() {
  const one = shown();
  const prediction = one?.prediction ?? null;
  id("answer-none").hidden = Boolean(prediction) || one?.phase === "refused";
  id("answer-none").textContent = waitingText(one);
  updateError(one);
  id("answer-body").hidden = !prediction;
  if (prediction) {
    const put = verdictOfModel(prediction);
    id("headline").dataset.kind = put.kind;
    id("headline-kind").textContent = put.title;
    id("headline-text").textContent = put.text;
    id("headline-more").textContent = put.more;
    updateBars(prediction, put);
    updateSuch(prediction, put);
  }
  updateWarnings(one);
  updateFacts(one);
}

function waitingText(one) {
  if (!one) return "No film is shown.";
  return { waiting: "Waits for its turn.", reading: "The film is being read.", read: "Waits for the model.", asking: "The model is being asked." }[one.phase] ?? "";
}

function updateError(one) {
  const line = id("answer-error");
  line.hidden = !one?.error;
  if (line.hidden || line.dataset.of === `${one.id} ${one.error}`) return;
  line.dataset.of = `${one.id} ${one.error}`;
  const again = document.createElement("button");
  again.type = "button";
  again.textContent = "Try again";
  again.addEventListener("click", () => retry(one));
  line.replaceChildren(document.createTextNode(`${one.error} `), ...(one.phase === "refused" ? [again] : []));
}

function updateWarnings(one) {
  const list = id("warnings");
  const said = one?.prediction?.warnings ?? one?.film?.facts.warnings ?? [];
  const lines = said.filter((line) => line !== served.about?.notice && !/^research use only/i.test(line)); // always in sight
  if (one?.model && servedModel() && one.model !== servedModel()) {
    lines.unshift("The server has another model now; this answer is of the one before. Add the film again to ask the new one.");
  }
  list.hidden = !lines.length;
  fill(list, lines.join("\n"), () => lines.map((line) => element("li", line)));
}

function updateBars(prediction, put) {
  const rows = Object.entries(prediction.probabilities);
  const key = JSON.stringify([rows, put]);
  fill(id("bars"), key, () =>
    rows.map(([name, value]) => {
      const row = document.createElement("tr");
      const named = put.kind === "answer" ? name === put.text : put.kind === "several" && leftOpen(prediction).includes(name);
      row.dataset.named = named;
      row.dataset.kind = put.kind;
      const bar = document.createElement("td");
      bar.className = "bar";
      bar.setAttribute("aria-hidden", "true");
      const filled = document.createElement("span");
      filled.style.width = `${100 * value}%`;
      bar.append(filled);
      const head = element("th", name);
      head.scope = "row";
      row.append(head, bar, element("td", probability(value), "number"));
      return row;
    }),
  );
}

function updateSuch(prediction, put) {
  document.querySelector(".such").hidden = put.kind !== "answer"; // the counts are of answers
  const { text, share } = suchAnswers(prediction.such_answers);
  id("such-text").textContent = text;
  const canvas = id("such-dots");
  canvas.hidden = share === null;
  if (share !== null) drawDots(canvas, share);
}

// A hundred dots in four rows, filled from the left: what "69 of 100" looks like.
function drawDots(canvas, share) {
  const ratio = window.devicePixelRatio || 1;
  const [columns, rows] = [25, 4];
  canvas.width = columns * DOT * ratio;
  canvas.height = rows * DOT * ratio;
  const context = canvas.getContext("2d");
  const style = getComputedStyle(canvas);
  for (let dot = 0; dot < 100; dot++) {
    context.fillStyle = style.getPropertyValue(dot < share ? "--dot-full" : "--dot-empty");
    const [x, y] = [Math.floor(dot / rows), dot % rows];
    context.fillRect(x * DOT * ratio, y * DOT * ratio, (DOT - 2) * ratio, (DOT - 2) * ratio);
  }
}

function updateFacts(one) {
  const facts = [];
  if (one) {
    facts.push(["File", `${one.name}, ${bytes(one.size)}`]);
    const read = one.film?.facts;
    if (read) {
      const bits = read.bits ? `, ${read.bits} bit` : "";
      facts.push(["Format", `${[read.format, read.modality, read.view, read.compression].filter(Boolean).join(", ")}`]);
      facts.push(["Size", `${read.width} × ${read.height}${bits}`]);
      if (read.width !== one.film.width) facts.push(["Shown at", `${one.film.width} × ${one.film.height}`]);
    }
    const left = one.prediction?.residual;
    if (left) {
      facts.push(["Residual, healthy", left.healthy.toFixed(4)]);
      facts.push(["Residual, pneumonia", left.pneumonia.toFixed(4)]);
    }
  }
  fill(id("facts"), JSON.stringify(facts), () => facts.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
}
