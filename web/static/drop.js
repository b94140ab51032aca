// Files into the page: dropped anywhere (folders too), chosen, or pasted.

import { id } from "./dom.js";
import { say } from "./say.js";
import { addCase } from "./store.js";

/** Listen for files. */
export function listenForFiles() {
  let depth = 0; // dragenter comes for each element under the pointer
  const veil = id("drop-veil");
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth++;
    veil.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (hasFiles(event) && --depth <= 0) veil.hidden = true;
  });
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("drop", async (event) => {
    depth = 0;
    veil.hidden = true;
    if (!hasFiles(event)) return;
    event.preventDefault();
    addFiles(await droppedFiles(event.dataTransfer));
  });
  addEventListener("paste", (event) => addFiles(event.clipboardData?.files ?? []));
  id("files").addEventListener("change", (event) => {
    addFiles(event.target.files);
    event.target.value = ""; // the same file may be chosen again
  });
  id("add").addEventListener("click", choose);
  id("choose").addEventListener("click", choose);
}

/** Open the browser's file dialog. */
export function choose() {
  id("files").click();
}

function addFiles(files) {
  const added = [...files].map(addCase);
  if (added.length) say(`${added.length} ${added.length === 1 ? "film" : "films"} added`);
}

async function droppedFiles(transfer) {
  // All entries first: the list is empty as soon as this function has waited for anything.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return transfer.files;
  return (await Promise.all(entries.map(filesOf))).flat();
}

async function filesOf(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) break; // a folder's entries come a hundred at a time
    found.push(...some);
  }
  const visible = found.filter((each) => !each.name.startsWith("."));
  return (await Promise.all(visible.map(filesOf))).flat();
}
