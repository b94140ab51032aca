// Films are read two at a time and asked about two at a time, explanations one at a time; what finds the server away waits
// and goes on. A film is read, and can be looked at, also while the model's server is away.

import * as api from "./api.js";
import { lost, READY, REACHABLE, when } from "./connection.js";
import { cases, changed, explanationOf, served, servedModel, settings, show, shown, trimPixels, wanted } from "./store.js";
import { automatic } from "./window.js";
import { bytes as megabytes, methodName, oneLine, probability, seconds, verdictOfModel } from "./words.js";
import { say } from "./say.js";

const FILMS_AT_ONCE = 2;
const BREAKS = 3; // so many times may a transfer break while the server answers other requests
const TRIES = 20; // so many times a server that is up may say 502 or 503 to one request

// What is done to films that are in a phase, and with how many of them just now.
const STAGES = { waiting: { run: read, busy: 0 }, read: { run: ask, busy: 0 } };
let explaining = false;

/** Begin what waits; called after every change. */
export function work() {
  for (const [phase, stage] of Object.entries(STAGES)) {
    while (stage.busy < FILMS_AT_ONCE) {
      const next = shown()?.phase === phase ? shown() : cases.find((one) => one.phase === phase);
      if (!next) break;
      stage.busy++;
      advance(next, stage.run).finally(() => {
        stage.busy--;
        changed();
      });
    }
  }
  const one = shown();
  if (one?.film && !one.film.pixels && !one.again) readAgain(one);
  if (settings.auto && one && wanted(one) && !explanationOf(one)) askExplanation(one, true);
  explainNext();
}

/** Put a refused case back into the queue. */
export function retry(one) {
  one.phase = "waiting";
  one.error = "";
  changed();
}

async function advance(one, run) {
  try {
    await run(one);
  } catch (error) {
    if (one.removed) return;
    one.phase = "refused";
    one.error = oneLine(error.message);
    say(`Film ${one.number}, ${one.name}: ${one.error}`);
  }
}

async function read(one) {
  one.phase = "reading";
  changed();
  if (!one.film) {
    const data = await fileBytes(one);
    one.film = await persist(REACHABLE, data, () => api.film(data, one.name, one.abort.signal));
    one.automatic = automatic(one.film.pixels);
    one.seen = performance.now();
    trimPixels();
  }
  one.phase = "read";
}

async function ask(one) {
  one.phase = "asking";
  changed();
  const data = await fileBytes(one);
  one.prediction = await persist(READY, data, () => api.predict(data, one.name, one.abort.signal));
  one.model = servedModel();
  one.phase = "answered";
  const found = verdictOfModel(one.prediction);
  const p = found.kind === "answer" ? `, ${probability(one.prediction.probabilities[found.text])}` : "";
  say(`Film ${one.number}: ${found.text}${p}`);
}

/** See that the pixels of a case are there: those of films not seen for long are let go (store.js), and read again. */
export async function havePixels(one) {
  if (one.film.pixels) return;
  const data = await fileBytes(one);
  const film = await persist(REACHABLE, data, () => api.film(data, one.name, one.abort.signal));
  one.film.pixels = film.pixels;
}

async function readAgain(one) {
  one.again = true;
  try {
    await havePixels(one);
    trimPixels();
    one.again = false;
  } catch (error) {
    if (!one.removed) one.error = oneLine(error.message); // `again` stays: one try, not one after the other
  }
  changed();
}

async function fileBytes(one) {
  const most = served.about?.largest_bytes;
  if (most && one.size > most) {
    throw new api.Refused(`${megabytes(one.size)} is too large: the server takes files of at most ${megabytes(most)}.`);
  }
  if (one.size === 0) throw new api.Refused("The file is empty.");
  try {
    return await one.file.arrayBuffer();
  } catch {
    throw new api.Refused("The file can no longer be read; it may have been moved or changed. Drop it again.");
  }
}

/** The answer to a request, however often the server has to be waited for. */
async function persist(level, data, request) {
  let [breaks, tries] = [0, 0];
  for (;;) {
    await when(level);
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof api.Away)) throw error;
      if (error.reachable ? ++tries >= TRIES : (await stillThere()) && ++breaks >= BREAKS) {
        throw new api.Refused(
          error.reachable ? error.message : `The transfer of ${megabytes(data.byteLength)} broke off ${BREAKS} times; is the file too large?`,
        );
      }
      error.waitSeconds ||= Math.min(15, 2 ** (tries - 1)); // a server that is up but full is given more and more time
      lost(error);
    }
  }
}

async function stillThere() {
  try {
    await api.about(AbortSignal.timeout(5000));
    return true;
  } catch {
    return false;
  }
}

/** Ask for the explanation that is wanted for a case. `unasked`: by the page itself; dropped if the reader has gone on. */
export function askExplanation(one, unasked = false) {
  const key = wanted(one);
  if (!key) return;
  const name = `${key.method}|${key.target}`;
  const earlier = one.explanations.get(name);
  if (earlier && ["waiting", "running", "done"].includes(earlier.state)) return;
  one.explanations.set(name, { ...key, state: "waiting", unasked, begun: 0, took: 0, error: "", result: null, abort: null });
  changed();
}

/** End an explanation that waits or runs. */
export function cancelExplanation(job) {
  if (!job || !["waiting", "running"].includes(job.state)) return;
  job.took = job.begun ? (performance.now() - job.begun) / 1000 : 0;
  job.state = "cancelled";
  job.abort?.abort();
  say("Explanation cancelled");
  changed();
}

function explainNext() {
  if (explaining) return;
  const order = shown() ? [shown(), ...cases.filter((one) => one !== shown())] : cases;
  for (const one of order) {
    for (const [name, job] of one.explanations) {
      if (job.state !== "waiting") continue;
      if (job.unasked && job !== explanationOf(shown())) {
        one.explanations.delete(name); // the reader has gone on before it began
        continue;
      }
      explaining = true;
      runExplanation(one, job).finally(() => {
        explaining = false;
        changed();
      });
      return;
    }
  }
}

async function runExplanation(one, job) {
  job.abort = new AbortController();
  job.state = "running";
  changed();
  try {
    const data = await fileBytes(one);
    job.result = await persist(READY, data, () => {
      job.begun = performance.now();
      return api.explain(data, one.name, job.method, job.target, job.abort.signal);
    });
    if (job.state !== "running") return;
    // Drawn here from the numbers; kept, they would be megabytes a film.
    delete job.result.overlay_png;
    delete job.result.heatmap_png;
    job.took = (performance.now() - job.begun) / 1000;
    job.state = "done";
    (took[job.method] ??= []).push(job.took);
    say(`Heat map of ${methodName(job.method)} for ${job.target} is shown`);
  } catch (error) {
    if (job.state !== "running" || one.removed) return;
    job.state = "failed";
    job.error = oneLine(error.message);
    say(`No heat map: ${job.error}`);
  }
}

const took = {}; // method -> seconds of this session's explanations

/** Seconds that an explanation by this method usually takes here; null: not known yet. */
export function usualSeconds(method) {
  const times = [...(took[method] ?? [])].sort((a, b) => a - b);
  if (times.length) return times[Math.floor((times.length - 1) / 2)];
  return served.about?.usual_seconds?.[method] ?? null;
}

/** "4.2 s; such an explanation usually takes 6.1 s". */
export function progressText(job) {
  if (!job.begun) return job.state === "running" ? "waits for the server" : "waits for its turn";
  const elapsed = (performance.now() - job.begun) / 1000;
  const usual = usualSeconds(job.method);
  const known = usual ? `such an explanation usually takes ${seconds(usual)}` : "how long such an explanation takes here is not known yet";
  return `${seconds(elapsed)}; ${known}`;
}

/** Show the next case down (+1) or up (-1) in `order`. */
export function step(order, by) {
  if (!order.length) return;
  const place = order.indexOf(shown());
  show(order[place < 0 ? 0 : Math.min(order.length - 1, Math.max(0, place + by))]);
}
