// The report of the chosen cases: their pictures drawn here, the file built by the server, saved by the browser.

import * as api from "./api.js";
import { id } from "./dom.js";
import { havePixels } from "./jobs.js";
import { drawnAs, encodePng, filmCanvas } from "./picture.js";
import { cases, served, settings, trimPixels } from "./store.js";
import { oneLine } from "./words.js";
import { mapOf } from "./viewer.js";
import { ordered } from "./worklist.js";

const LONGEST = 900; // pixels of a picture's longer side

let making = null; // AbortController of the report in progress

/** Connect the dialog. */
export function listenToReport() {
  id("report-open").addEventListener("click", openReport);
  id("report-make").addEventListener("click", make);
  id("report").addEventListener("close", () => making?.abort());
}

/** Open the dialog, if there is anything to report. */
export function openReport() {
  const count = chosen().length;
  if (!count) return;
  const all = cases.some((one) => one.picked) ? "picked" : "with an answer";
  id("report-which").textContent = `${count} ${count === 1 ? "film" : "films"} ${all}.`;
  id("report-line").textContent = "";
  id("report").showModal();
}

function chosen() {
  const answered = ordered().filter((one) => one.prediction);
  const picked = answered.filter((one) => one.picked);
  return picked.length ? picked : answered;
}

async function make() {
  const format = document.querySelector("[name=format]:checked").value;
  const button = id("report-make");
  making = new AbortController();
  button.disabled = true;
  id("report-line").textContent = "The report is being made.";
  try {
    const file = await api.report(format, await fields(id("report-names").checked), making.signal);
    save(file, `coronet-report-${new Date().toISOString().slice(0, 10)}.${format}`);
    id("report-line").textContent = "The report is in your downloads.";
  } catch (error) {
    id("report-line").textContent = making.signal.aborted ? "" : oneLine(error.message);
  } finally {
    button.disabled = false;
    making = null;
  }
}

function save(file, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

async function fields(withNames) {
  const { model, model_version, sha256 } = served.about ?? {};
  const found = [];
  for (const one of chosen()) {
    await havePixels(one);
    found.push(caseFields(one, withNames));
    trimPixels();
    await new Promise((resolve) => setTimeout(resolve)); // the page stays usable between two films
  }
  return { made: localTime(new Date()), model: { model, model_version, sha256 }, cases: found };
}

function caseFields(one, withNames) {
  const { label, probabilities, image, warnings } = one.prediction;
  const film = drawnAs(one.film, LONGEST, (context, width, height) => context.drawImage(filmCanvas(one), 0, 0, width, height));
  return {
    number: one.number,
    name: withNames ? one.name : "",
    label,
    probabilities,
    such_answers: one.prediction.such_answers ?? null,
    prediction_set: one.prediction.prediction_set ?? null,
    in_scope: one.prediction.in_scope ?? null,
    image,
    warnings,
    verdict: one.verdict ? { verdict: one.verdict.verdict, amended: one.verdict.amended } : null,
    film_png: encodePng(film),
    explanations: [...one.explanations.values()].filter((job) => job.state === "done").map((job, place) => mapFields(one, job, film, place)),
  };
}

function mapFields(one, job, film, place) {
  const { result } = job;
  const overlay = drawnAs(one.film, LONGEST, (context, width, height) => {
    context.drawImage(film, 0, 0);
    context.globalAlpha = settings.opacity;
    context.drawImage(mapOf(one, job), 0, 0, width, height);
  });
  return {
    method: job.method,
    target: job.target,
    sign: result.sign,
    probability_before: result.target_probability?.original ?? null,
    probability_after: result.target_probability?.perturbed ?? null,
    deletion: result.faithfulness?.deletion ?? null,
    insertion: result.faithfulness?.insertion ?? null,
    overlay_png: encodePng(overlay),
    residual_png: place === 0 ? (result.residual_png ?? null) : null, // the same for every method
  };
}

// ISO 8601 with the offset of this place: when the reader made it, by the reader's clock.
function localTime(now) {
  const offset = -now.getTimezoneOffset();
  const two = (value) => String(Math.floor(Math.abs(value))).padStart(2, "0");
  const local = new Date(now.getTime() + 60000 * offset).toISOString().slice(0, 19);
  return `${local}${offset < 0 ? "-" : "+"}${two(offset / 60)}:${two(offset % 60)}`;
}
