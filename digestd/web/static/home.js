// Shows what today's digest would hold while one types, and offers the browser's own time zone.
// The form does all of it without this, by its button.
"use strict";
const PAUSE = 350; // milliseconds without a key
const form = document.querySelector("form.subscribe");
const shown = document.getElementById("preview");
const told = document.getElementById("told");
const show = form.querySelector("[formaction]");
const wishes = ["topics", "authors", "categories", "papers"];
let waiting = 0;
let asking = null;

const asked = () => new URLSearchParams([...new FormData(form)].filter(([name]) => wishes.includes(name) || name === "size"));
const isEmpty = () => wishes.every((name) => !form.elements[name].value.trim());

async function look() {
  clearTimeout(waiting);
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  try {
    const answer = await fetch(form.dataset.picks, { method: "POST", body: asked(), signal });
    const part = await answer.text();
    if (signal.aborted) return;
    shown.innerHTML = part;
    const count = shown.firstElementChild?.dataset.count;
    const { one, many, none, busy } = told.dataset;
    told.textContent = count === undefined ? busy : count === "0" ? none : count === "1" ? one : many.replace("#", count);
  } catch (problem) {
    if (problem.name !== "AbortError") told.textContent = told.dataset.busy;
  }
}

form.addEventListener("input", ({ target }) => {
  if (!wishes.includes(target.name) && target.name !== "size") return;
  clearTimeout(waiting);
  if (!isEmpty()) {
    waiting = setTimeout(look, PAUSE);
    return;
  }
  asking?.abort();
  shown.replaceChildren();
  told.textContent = "";
});
// Who is about to type need not wait for the day to be read.
form.addEventListener("focusin", () => fetch(form.dataset.picks, { method: "POST", body: new URLSearchParams() }).catch(() => {}), { once: true });
show.addEventListener("click", async (event) => {
  event.preventDefault();
  await look();
  shown.scrollIntoView({ block: "start" });
});

const zone = form.elements.timezone;
const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
const known = new Set(Array.from(zone.options, (option) => option.value));
for (const name of [own, ...(Intl.supportedValuesOf?.("timeZone") ?? [])]) {
  if (name && !known.has(name)) zone.add(new Option(name.replaceAll("_", " "), name));
  known.add(name);
}
if (own && "detect" in zone.dataset && zone.value === "UTC") zone.value = own;
