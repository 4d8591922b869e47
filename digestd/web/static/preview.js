// Preview the digest while the reader types, at the sign-up and in the settings, and offer the browser's own time zone.
// Without this script the form's button does the same.
"use strict";
const PAUSE = 350; // milliseconds without a key
const form = document.querySelector("form[data-picks]");
const isLive = "live" in form.dataset; // the settings, which are never empty and of which every field counts
const preview = document.getElementById("preview");
const hints = document.getElementById("hints");
const previewStatus = document.getElementById("preview-status");
const button = form.querySelector("[formaction$='#preview']");
const fields = ["topics", "authors", "categories", "papers"];
const used = [...fields, "size", "cadence"];
const AGAIN = 3000; // milliseconds until papers that are being looked up are asked for again
let waiting = 0;
let wanted = null; // the next question, asked once the last is answered
let isAsking = false;

const counts = (name) => isLive || used.includes(name);
const typed = () => new URLSearchParams([...new FormData(form)].filter(([name]) => counts(name)));
const isEmpty = () => !isLive && fields.every((name) => !form.elements[name].value.trim());

// `lookUp`: look up example papers; not while the reader types, as half an identifier may be another paper's.
async function update(lookUp = false) {
  clearTimeout(waiting);
  wanted = { lookUp };
  if (isAsking) return;
  isAsking = true;
  while (wanted) await ask(wanted);
  isAsking = false;
}

async function ask({ lookUp }) {
  wanted = null;
  const body = typed();
  if (lookUp) body.set("look_up", "on");
  try {
    const answer = await fetch(form.dataset.picks, { method: "POST", body });
    const part = document.createElement("template");
    part.innerHTML = await answer.text();
    if (wanted || (isEmpty() && !lookUp)) return;
    if (!part.content.firstElementChild?.matches(".picks")) throw new Error("an error page");
    preview.replaceChildren(part.content);
    const offered = preview.querySelector(".hints");
    hints.replaceChildren(...(offered?.childNodes ?? []));
    offered?.remove();
    const later = Number(answer.headers.get("Retry-After")); // too many previews at once
    if (later) waiting = setTimeout(update, 1000 * later, lookUp);
    if (lookUp && preview.querySelector("[data-coming]")) waiting = setTimeout(update, AGAIN, true);
    const count = preview.firstElementChild?.dataset.count;
    const { one, many, none, busy } = previewStatus.dataset;
    previewStatus.textContent = count === undefined ? busy : count === "0" ? none : count === "1" ? one : many.replace("#", count);
  } catch {
    previewStatus.textContent = previewStatus.dataset.busy;
  }
}

form.addEventListener("input", ({ target }) => {
  if (!counts(target.name)) return;
  clearTimeout(waiting);
  if (!isEmpty()) {
    waiting = setTimeout(update, PAUSE);
    return;
  }
  wanted = null;
  preview.replaceChildren();
  hints.replaceChildren();
  previewStatus.textContent = "";
});
// The reader is done with the example papers.
form.elements.papers?.addEventListener("change", () => isEmpty() || update(true));
// Warm up the preview before the visitor types.
if (!isLive) form.addEventListener("focusin", () => fetch(form.dataset.picks, { method: "POST", body: new URLSearchParams() }).catch(() => {}), { once: true });
// A hint offers another topic: put it in place of the one that was typed.
hints.addEventListener("click", (event) => {
  const offer = event.target.closest("button");
  if (!offer) return;
  event.preventDefault();
  const [old, chosen] = offer.value.split("\n");
  const box = form.elements.topics;
  box.value = box.value.split("\n").map((line) => (line.trim().replace(/\s+/g, " ") === old ? chosen : line)).join("\n");
  box.focus();
  update();
});
button.addEventListener("click", async (event) => {
  event.preventDefault();
  await update(true);
  preview.scrollIntoView({ block: "start" });
});

const zone = form.elements.timezone;
const browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const known = new Set(Array.from(zone.options ?? [], (option) => option.value));
for (const name of zone.options ? [browserZone, ...(Intl.supportedValuesOf?.("timeZone") ?? [])] : []) {
  if (name && !known.has(name)) zone.add(new Option(name.replaceAll("_", " "), name));
  known.add(name);
}
if (browserZone && "detect" in zone.dataset && zone.value === "UTC") zone.value = browserZone;
