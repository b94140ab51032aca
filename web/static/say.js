// What happens without being looked at is said to screen readers, in the page's one live region.

let timer = 0;
let lines = [];

/** Say a line; lines that come together are said together. */
export function say(line) {
  lines.push(line);
  clearTimeout(timer);
  timer = setTimeout(() => {
    document.getElementById("say").textContent = lines.slice(-4).join(". ");
    lines = [];
  }, 150);
}
