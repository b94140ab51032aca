// Every key of the page in one table: what is bound, and what the help dialog says, are the same rows.

import { element, id } from "./dom.js";
import { settings } from "./store.js";

let table = []; // {group, keys, what, run}
const NAMES = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", " ": "Space" };

/**
 * Bind the rows and write the help dialog.
 * @param {{group: string, keys: string[], what: string, run: (event: KeyboardEvent) => void}[]} bindings
 *     keys as KeyboardEvent.key; upper-case letters are those with Shift. Rows without `run` are only told.
 */
export function listenToKeys(bindings) {
  table = bindings;
  document.addEventListener("keydown", pressed);
  id("help-open").addEventListener("click", openHelp);
  id("single-keys").checked = settings.singleKeys;
  id("help-keys").replaceChildren(...groups());
  for (const control of document.querySelectorAll("[data-key]")) {
    control.setAttribute("aria-keyshortcuts", control.dataset.key === "?" ? "Shift+?" : control.dataset.key.toUpperCase());
    if (!control.title) control.title = `key ${control.dataset.key.toUpperCase()}`;
  }
}

/** Open the help dialog. */
export function openHelp() {
  id("help").showModal();
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (document.querySelector("dialog[open]")) return; // dialogs have keys of their own
  const row = table.find((each) => each.run && each.keys.includes(event.key));
  if (!row || (row.where && !row.where())) return;
  const single = event.key.length === 1;
  if (single && !settings.singleKeys && event.key !== "?") return;
  if (single && typing(event.target)) return;
  event.preventDefault();
  row.run(event);
}

// Selects take letters to jump to an entry; sliders and radios take arrows, not letters.
function typing(target) {
  return target.closest("select, textarea, input:not([type=checkbox], [type=radio], [type=range])") !== null;
}

function groups() {
  return [...new Set(table.map((row) => row.group))].map((group) => {
    const section = document.createElement("section");
    const list = document.createElement("dl");
    for (const row of table.filter((each) => each.group === group)) {
      const keys = document.createElement("dt");
      row.keys.forEach((key, place) => {
        if (place) keys.append(" ");
        const upper = key.length === 1 && key !== key.toLowerCase();
        keys.append(element("kbd", upper ? `Shift ${key}` : (NAMES[key] ?? (key.length === 1 ? key.toUpperCase() : key))));
      });
      list.append(keys, element("dd", row.what));
    }
    section.append(element("h3", group), list);
    return section;
  });
}
