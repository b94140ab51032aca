// The few things that all parts of the page do with elements.

/** The element of that id. */
export function id(name) {
  return document.getElementById(name);
}

/** Replace the children of `parent` by those of `make`, only when `key` is another one than before. */
export function fill(parent, key, make) {
  if (parent.dataset.key === key) return;
  parent.dataset.key = key;
  parent.replaceChildren(...make());
}

/** An element with text, and a class. */
export function element(name, text, className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}
