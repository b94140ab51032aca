// Whether the server can be asked, and the one line about it when it cannot. It asks again by itself.

import * as api from "./api.js";
import { changed, served } from "./store.js";
import { oneLine, seconds } from "./words.js";

const WAITS = [1, 2, 4, 8, 15]; // seconds between tries; the last one stays

const LOOK = 60000; // milliseconds between two looks at a server that was well; it may serve another model by now

const waiting = []; // [level, resolve] of those who wait for the server
let level = 0; // 0: nobody answers; 1: the page's server answers; 2: the model's server is ready as well
let tries = 0;
let line = "";
let retryAt = 0;
let timer = 0;

/** The page's own server: decodes films. */
export const REACHABLE = 1;
/** The model's server too: predicts and explains. */
export const READY = 2;

/** Resolves as soon as the server is at least `wanted`. */
export function when(wanted) {
  return level >= wanted ? Promise.resolve() : new Promise((resolve) => waiting.push([wanted, resolve]));
}

/** {level, line, next}: how things stand; `line` is "" while all is well, `next` the seconds to the next try. */
export function standing() {
  return { level, line, next: Math.max(0, (retryAt - performance.now()) / 1000) };
}

/** A request has found the server away. */
export function lost(away) {
  settle(away.reachable ? Math.min(level, REACHABLE) : 0, away.message);
  if (performance.now() >= retryAt) schedule(away.waitSeconds);
}

/** Ask now. */
export async function ask() {
  clearTimeout(timer);
  timer = 0;
  try {
    const found = await api.about(AbortSignal.timeout(10000));
    served.about = { ...served.about, ...found };
    const ready = found.server === "ready";
    settle(ready ? READY : REACHABLE, ready ? "" : oneLine(found.server ?? "The model's server is not ready."));
  } catch (error) {
    settle(0, error instanceof api.Refused ? error.message : "The server does not answer.");
  }
  if (level === READY) {
    tries = 0;
    timer = setTimeout(ask, LOOK);
  } else schedule(0);
}

function settle(found, message) {
  level = found;
  line = found === READY ? "" : message;
  for (const [wanted, resolve] of waiting.splice(0)) {
    if (level >= wanted) resolve();
    else waiting.push([wanted, resolve]);
  }
  changed();
}

function schedule(least) {
  const wait = Math.max(least, WAITS[Math.min(tries++, WAITS.length - 1)]);
  retryAt = performance.now() + 1000 * wait;
  clearTimeout(timer);
  timer = setTimeout(ask, 1000 * wait);
  changed();
}

/** Keep the line about the connection up to date; it says when the next try comes. */
export function watchConnection() {
  const box = document.getElementById("connection");
  const text = document.getElementById("connection-line");
  document.getElementById("connection-now").addEventListener("click", ask);
  const update = () => {
    const { line: said } = standing();
    box.hidden = !said;
    // The countdown is left out of what is read aloud: an alert that changes each second would never end.
    const sentence = said ? `${said.replace(/[.!]?$/, ".")} Nothing on this page is lost; it tries again by itself.` : "";
    if (text.textContent !== sentence) text.textContent = sentence;
  };
  setInterval(() => {
    const { line: said, next } = standing();
    document.getElementById("connection-now").title = said ? `next try in ${seconds(next)}` : "";
  }, 1000);
  return update;
}
