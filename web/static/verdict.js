// The reader's verdict on an answer: accept, reject or amend; it can be taken back until it is sent.

import { verdict as send, Away } from "./api.js";
import { lost, REACHABLE, when } from "./connection.js";
import { element, fill, id } from "./dom.js";
import { say } from "./say.js";
import { cases, changed, classNames, shown } from "./store.js";
import { oneLine, verdictOfModel } from "./words.js";

const UNDO = 10; // seconds

const NO_ANSWER = "The model gave no answer: there is none to accept, reject or amend.";
const DONE = { accept: "Accepted", reject: "Rejected", amend: "Amended" };

/** Connect the panel's controls. */
export function listenToVerdict() {
  for (const button of id("verdict-buttons").children) button.addEventListener("click", () => press(button.dataset.verdict));
  id("undo").addEventListener("click", undo);
  id("send-now").addEventListener("click", () => sendOff(shown()));
  setInterval(tick, 250);
  // Whoever closes the page has had the time to take a verdict back: it is sent.
  addEventListener("pagehide", () => cases.filter((one) => one.verdict?.state === "held").forEach(sendOff));
}

/** Everything of the panel that follows from the state. */
export function updateVerdict() {
  const one = shown();
  const verdict = one?.verdict ?? null;
  const closed = !answered(one) || ["sending", "sent"].includes(verdict?.state);
  for (const button of id("verdict-buttons").children) {
    button.disabled = closed;
    button.setAttribute("aria-pressed", String(verdict?.verdict === button.dataset.verdict));
  }
  const amending = Boolean(one?.amending) && !closed;
  id("amend").hidden = !amending;
  id("verdict-buttons").querySelector("[data-verdict=amend]").setAttribute("aria-expanded", String(amending));
  if (one?.prediction) updateChoices(one);
  id("verdict-pending").hidden = verdict?.state !== "held";
  id("verdict-line").textContent = one?.prediction && !answered(one) ? NO_ANSWER : lineOf(verdict);
  tick();
}

// Verdicts are counted as agreement with the class named; "I do not know" names none.
function answered(one) {
  return Boolean(one?.prediction) && verdictOfModel(one.prediction).kind === "answer";
}

function updateChoices(one) {
  const names = classNames().filter((name) => name !== one.prediction.label);
  fill(id("amend"), `${one.id} ${names}`, () => [
    element("span", "It is", "quiet"),
    ...names.map((name) => {
      const button = Object.assign(element("button", name), { type: "button" });
      button.addEventListener("click", () => decide("amend", name));
      return button;
    }),
  ]);
}

function lineOf(verdict) {
  if (!verdict) return "";
  const text = textOf(verdict);
  if (verdict.state === "sending") return `${text}; is being sent.`;
  if (verdict.state === "sent") return `${text}; sent. Only the classes are counted: no pixels, no names.`;
  return verdict.state === "failed" ? `${text}; not taken: ${verdict.error}` : "";
}

function textOf(verdict) {
  return `${DONE[verdict.verdict]}${verdict.amended ? ` to ${verdict.amended}` : ""}`;
}

/** Leave the choice of another class; true if it was open. */
export function leaveAmending() {
  const open = Boolean(shown()?.amending);
  if (open) {
    shown().amending = false;
    changed();
    id("verdict-buttons").lastElementChild.focus();
  }
  return open;
}

/** A verdict's button or key. */
export function press(verdict) {
  const one = shown();
  if (!answered(one) || ["sending", "sent"].includes(one.verdict?.state)) return;
  if (verdict !== "amend") {
    decide(verdict, null);
    return;
  }
  one.amending = !one.amending;
  changed();
  if (one.amending) queueMicrotask(() => id("amend").querySelector("button")?.focus());
}

function decide(verdict, amended) {
  const one = shown();
  one.amending = false;
  one.verdict = { verdict, amended, state: "held", due: performance.now() + 1000 * UNDO, error: "" };
  say(`${textOf(one.verdict)}. It is sent in ${UNDO} seconds; press U to undo`);
  changed();
  if (amended) queueMicrotask(() => id("undo").focus());
}

/** Take back the verdict on the case shown, if it has not been sent. */
export function undo() {
  const one = shown();
  if (one?.verdict?.state !== "held") return;
  one.verdict = null;
  say("Verdict taken back");
  changed();
  const first = id("verdict-buttons").firstElementChild;
  if (id("verdict-pending").contains(document.activeElement)) queueMicrotask(() => first.focus());
}

// Sends what is due; says how long the shown one can still be taken back.
function tick() {
  for (const one of cases) if (one.verdict?.state === "held" && performance.now() >= one.verdict.due) sendOff(one);
  const verdict = shown()?.verdict;
  if (verdict?.state !== "held") return;
  const left = Math.max(0, Math.ceil((verdict.due - performance.now()) / 1000));
  id("verdict-text").textContent = `${textOf(verdict)}; sent in ${left} s`;
}

/** Send the verdict that is held on a case, if there is one. */
export async function sendOff(one) {
  const verdict = one?.verdict;
  if (verdict?.state !== "held") return;
  verdict.state = "sending";
  const fields = {
    label: one.prediction.label,
    verdict: verdict.verdict,
    amended: verdict.amended,
    model: one.model,
  };
  changed();
  for (;;) {
    try {
      await send(fields);
      verdict.state = "sent";
    } catch (error) {
      if (error instanceof Away) {
        lost(error);
        await when(REACHABLE);
        continue;
      }
      verdict.state = "failed";
      verdict.error = oneLine(error.message);
    }
    changed();
    return;
  }
}
