// What the page says in words: counts, times, sizes. Pure functions, no DOM.

const LEVEL = "90"; // percent: the prediction set that decides whether an answer is one
const FEW = 10; // below so many answers a share says next to nothing

/** "0.88": a probability as the page writes it. Neither 0.00 nor 1.00 is claimed of a number that is not. */
export function probability(value) {
  if (value > 0 && value < 0.005) return "<0.01";
  if (value < 1 && value >= 0.995) return ">0.99";
  return value.toFixed(2);
}

/** Wilson's 95% interval of `right` in `answers`, as two numbers of a hundred. */
export function interval(right, answers) {
  const z = 1.959964;
  const share = right / answers;
  const middle = share + (z * z) / (2 * answers);
  const half = z * Math.sqrt((share * (1 - share)) / answers + (z * z) / (4 * answers * answers));
  const scale = 100 / (1 + (z * z) / answers);
  return [Math.max(0, Math.round((middle - half) * scale)), Math.min(100, Math.round((middle + half) * scale))];
}

/**
 * What a model's validation data say of such an answer.
 * @param {{answers: number, right: number}|null|undefined} such counts from the archive; none in old archives
 * @returns {{text: string, share: number|null}} a sentence or two; share right of 100, null where there is none to draw
 */
export function suchAnswers(such) {
  if (!such || !Number.isInteger(such.answers) || !Number.isInteger(such.right) || such.right > such.answers) {
    return { text: "How often such an answer is right is not known: this model came without counts.", share: null };
  }
  const { answers, right } = such;
  if (answers === 0) {
    return { text: "The model gave no such answer on its validation films: how often it is right is not known.", share: null };
  }
  const were = right === 1 ? "was" : "were";
  if (answers < FEW) {
    const so = answers === 1 ? "answer" : "answers";
    return { text: `Only ${answers} such ${so} on the validation films; ${right} ${were} right. Too few to rely on.`, share: null };
  }
  const share = Math.round((100 * right) / answers);
  const [low, high] = interval(right, answers);
  const counted = `Of ${answers} such answers on the validation films, ${right} ${were} right`;
  const inHundred = answers === 100 ? "" : `, ${share} in 100`;
  return { text: `${counted}${inHundred} (95% interval: ${low} to ${high} in 100).`, share };
}

/** The classes that an answer leaves open, the most probable first; null from a model without calibration. */
export function leftOpen(prediction) {
  const names = prediction.prediction_set?.[LEVEL];
  return Array.isArray(names) ? names : null;
}

/**
 * How an answer is to be put: as one, as several that are left open, or as none.
 * @returns {{kind: "answer"|"several"|"none"|"outside", title: string, text: string, more: string}}
 */
export function verdictOfModel(prediction) {
  const { label, in_scope: scope } = prediction;
  const open = leftOpen(prediction);
  if (scope && !scope.value) {
    const reason = `This ${scope.reason.startsWith("looks") ? "" : "is "}${scope.reason}.`;
    return { kind: "outside", title: "No answer", text: "I do not know", more: `${reason} Do not rely on the figures below.` };
  }
  if (open?.length === 0) {
    return { kind: "none", title: "No answer", text: "I do not know", more: "None of the classes fits." };
  }
  if (open?.length > 1) {
    const covered = `on films like its validation films, the true class is among those left open at least ${LEVEL} in 100 times`;
    const more = `The model cannot choose between these; ${covered}.`;
    return { kind: "several", title: "I do not know", text: join(open, "or"), more };
  }
  if (open && open[0] !== label) {
    const more = `${label} is the most probable, but only ${open[0]} fits.`;
    return { kind: "none", title: "No answer", text: "I do not know", more };
  }
  const p = probability(prediction.probabilities[label]);
  return { kind: "answer", title: "Most probable class", text: label, more: `Probability ${p}` };
}

/** "Healthy, Pneumonia or COVID-19". */
export function join(names, last) {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} ${last} ${names[names.length - 1]}`;
}

/** "4.2 s", "75 s", "3 min". */
export function seconds(value) {
  if (value < 10) return `${value.toFixed(1)} s`;
  return value < 120 ? `${Math.round(value)} s` : `${Math.round(value / 60)} min`;
}

/** "3.4 MB". */
export function bytes(size) {
  if (size < 1e6) return `${Math.max(1, Math.round(size / 1000))} kB`;
  return `${(size / 1e6).toFixed(size < 1e7 ? 1 : 0)} MB`;
}

/** "integrated gradients" of "integrated_gradients". */
export function methodName(name) {
  return name.replaceAll("_", " ").replace(/^grad cam$/, "Grad-CAM").replace("shap", "SHAP");
}

/** One line of visible letters of anything that comes from outside, as in the kit's own messages; long ones are cut. */
export function oneLine(text, longest = 240) {
  const line = String(text).replace(/[\s\p{C}]+/gu, " ").trim();
  return line.length > longest ? `${line.slice(0, longest - 1)}…` : line;
}
