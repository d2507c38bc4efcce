// The dashboard in the browser: draws charts, turns clicks into addresses, and swaps the page for the next one.
// Everything that is chosen stands in the address; nothing is kept here.

import { vegaEmbed } from "VEGA_MODULE";

const OPTIONS = {
  ast: true, // no eval: expressions are interpreted
  defaultStyle: false,
  actions: false,
  renderer: "svg",
  logLevel: 1, // errors only: an empty layer is no news
  tooltip: { theme: "custom", disableDefaultStyle: true, sanitize: plain },
  // nothing is ever fetched for a chart
  loader: { load: () => Promise.reject(new Error("charts load nothing")), sanitize: () => Promise.reject(new Error()) },
};

// Vega's tooltip takes HTML: every value is text.
function plain(value) {
  const box = document.createElement("span");
  box.textContent = String(value ?? "–");
  return box.innerHTML;
}

function tell(text) {
  document.getElementById("told").textContent = text;
}

// -- charts -----------------------------------------------------------------------------------------

const views = new Map(); // element → Vega view

async function drawLive(box) {
  const look = JSON.parse(box.dataset.look);
  look.data.values = JSON.parse(box.dataset.rows);
  const result = await vegaEmbed(box, look, OPTIONS);
  views.set(box, result.view);
  unlabel(box);
  clicks(box, result.view, (datum) => datum.go);
}

async function fill(box, rows) {
  box.dataset.rows = rows;
  await views.get(box).data("rows", JSON.parse(rows)).runAsync();
}

async function drawChart(box) {
  let made = null;
  if (box.dataset.inline) {
    made = { spec: JSON.parse(box.dataset.inline), go: [] };
  } else {
    const url = new URL(box.dataset.spec, location.href);
    if (box.clientWidth) url.searchParams.set("wide", Math.floor(box.clientWidth / 20) * 20);
    const answer = await fetch(url, { headers: { accept: "application/json" } });
    if (!answer.ok) throw new Error(`the chart answered ${answer.status}`);
    made = await answer.json();
  }
  const room = box.clientWidth;
  if (box.dataset.inline && room > 0 && made.spec.width > room) made.spec.width = Math.max(room, 300);
  const result = await vegaEmbed(box, made.spec, OPTIONS);
  views.set(box, result.view);
  unlabel(box);
  const canGo = made.go.some(Boolean);
  if (canGo) box.classList.add("clickable");
  clicks(box, result.view, (datum) => made.go[datum.row]);
}

// The box says what the chart is; the drawing itself is one picture.
function unlabel(box) {
  const svg = box.querySelector("svg");
  if (svg) svg.setAttribute("aria-hidden", "true");
}

function clicks(box, view, place) {
  view.addEventListener("click", (event, item) => {
    const target = item && item.datum ? place(item.datum) : "";
    if (target) go(target);
  });
}

const seen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      seen.unobserve(entry.target);
      draw(entry.target);
    }
  },
  { rootMargin: "600px" },
);

function draw(box) {
  if (box.dataset.drawn) return;
  box.dataset.drawn = "yes";
  const drawing = box.dataset.live ? drawLive(box) : drawChart(box);
  drawing.catch((problem) => {
    box.textContent = "This chart could not be drawn; its table has the figures.";
    console.error(problem.message);
  });
}

function start(root) {
  for (const box of root.querySelectorAll(".live, .chart")) seen.observe(box);
  for (const form of root.querySelectorAll("#builder")) prepareBuilder(form);
}

// -- moving on --------------------------------------------------------------------------------------

let latest = 0;

async function go(target, isBack = false, keepsPlace = false) {
  const url = new URL(target, location.href);
  if (url.origin !== location.origin) return;
  const mine = ++latest;
  document.body.classList.add("busy");
  try {
    const answer = await fetch(url.pathname + url.search, { headers: { accept: "text/html" } });
    const kind = answer.headers.get("content-type") || "";
    if (mine !== latest) return;
    if (!kind.startsWith("text/html")) {
      location.assign(url);
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (mine !== latest) return;
    const samePage = url.pathname === location.pathname;
    if (!isBack) history.pushState(null, "", url);
    swap(page, samePage || keepsPlace);
    if (!samePage) {
      const place = url.hash ? document.getElementById(decodeURIComponent(url.hash.slice(1))) : null;
      if (place) place.scrollIntoView();
      else window.scrollTo(0, 0);
      document.getElementById("main").focus({ preventScroll: true });
    }
    const words = document.querySelector(".chosen");
    tell(words ? words.textContent : samePage ? "Nothing is filtered." : document.title);
  } catch (problem) {
    if (mine === latest) tell("The dashboard does not answer. Is it still running?");
  } finally {
    if (mine === latest) document.body.classList.remove("busy");
  }
}

// Takes over the next page, keeping live charts (they only get new rows), open folds and the focus.
function swap(page, samePage) {
  document.title = page.title;
  const open = new Set([...document.querySelectorAll("details[open]")].map(foldName));
  const turned = [...document.querySelectorAll(".faces input:checked")].map((choice) => choice.id);
  const focused = samePage ? focusName(document.activeElement) : null;
  const fresh = page.querySelector(".body");
  const kept = [];
  for (const box of samePage ? fresh.querySelectorAll("[data-live]") : []) {
    const old = document.querySelector(`.body [data-live="${CSS.escape(box.dataset.live)}"]`);
    if (!old || !views.has(old) || old.dataset.look !== box.dataset.look) continue;
    kept.push([old, box.dataset.rows]);
    old.setAttribute("aria-label", box.getAttribute("aria-label"));
    box.replaceWith(old);
  }
  const survivors = new Set(kept.map(([box]) => box));
  for (const [box, view] of views) {
    if (survivors.has(box)) continue;
    view.finalize();
    views.delete(box);
  }
  document.querySelector(".bar").replaceWith(page.querySelector(".bar"));
  document.querySelector(".body").replaceWith(fresh);
  for (const [box, rows] of kept) fill(box, rows);
  if (samePage) for (const fold of document.querySelectorAll("details")) if (open.has(foldName(fold))) fold.open = true;
  for (const name of samePage ? turned : []) {
    const choice = document.getElementById(name);
    if (!choice) continue;
    choice.checked = true;
    turn(choice);
  }
  if (focused) {
    const again = [...document.querySelectorAll(focused.tag)].find((one) => focusName(one)?.name === focused.name);
    if (again) again.focus({ preventScroll: true });
  }
  start(document.querySelector(".body"));
}

function foldName(fold) {
  const card = fold.closest("[id]");
  return `${card ? card.id : ""}/${fold.querySelector("summary")?.textContent}`;
}

function focusName(element) {
  if (!element || element === document.body) return null;
  const place = element.closest("section[id], form[id], article[id]");
  const name = element.id || element.dataset.live || element.textContent;
  return { tag: element.tagName.toLowerCase(), name: `${place ? place.id : ""}/${name.trim()}` };
}

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const button = event.target.closest("button[data-go]");
  if (button) return void go(button.dataset.go);
  const copy = event.target.closest("button[data-copy]");
  if (copy) return void copyQuery(copy);
  const remove = event.target.closest("button[data-remove]");
  if (remove) return void removeClause(remove);
  const link = event.target.closest("a[href]");
  if (!link || link.hasAttribute("download") || link.target || link.origin !== location.origin) return;
  if (link.pathname === location.pathname && link.search === location.search && link.hash) return; // a place on this page
  event.preventDefault();
  go(link.href);
});

// A picture with several faces shows the chosen one; it is drawn when it is first seen.
function turn(choice) {
  choice.closest(".faced").querySelectorAll(".face").forEach((face, place) => (face.hidden = place !== +choice.value));
}

document.addEventListener("change", (event) => {
  if (event.target.closest(".faces")) return void turn(event.target);
  const form = event.target.closest("form.filters");
  if (form) go(address(form));
});

document.addEventListener("submit", (event) => {
  if (event.target.method !== "get") return;
  event.preventDefault();
  go(address(event.target));
});

window.addEventListener("popstate", () => go(location.href, true));

// An address from a form: empty fields of filters are left out; conditions stay whole.
function address(form) {
  const pairs = [...new FormData(form)].filter(([name, value]) => value !== "" || "covx".includes(name));
  const query = new URLSearchParams(pairs).toString();
  const url = new URL(form.action);
  return query ? `${url.pathname}?${query}` : url.pathname;
}

async function copyQuery(button) {
  const text = button.closest("details").querySelectorAll("pre")[
    [...button.closest("details").querySelectorAll("[data-copy]")].indexOf(button)
  ].textContent;
  try {
    await navigator.clipboard.writeText(text);
    tell("The query was copied.");
    button.textContent = "Copied";
  } catch {
    tell("The browser did not allow copying; the query can be marked and copied by hand.");
  }
}

// -- the audience builder: size and value follow while conditions are written ------------------------

let typing = 0;

function prepareBuilder(form) {
  form.addEventListener("input", (event) => {
    offerValues(event.target);
    clearTimeout(typing);
    typing = setTimeout(() => live(form), 250);
  });
}

function offerValues(field) {
  if (field.name !== "c") return;
  const row = field.closest(".clause");
  const value = row.querySelector("[name=v]");
  value.setAttribute("list", `values-${field.value}`);
  const kind = field.selectedOptions[0]?.dataset.kind;
  const compare = row.querySelector("[name=o]");
  if (!value.value) compare.value = kind === "number" || kind === "date" ? "ge" : "is";
}

async function live(form) {
  const target = address(form);
  const mine = ++latest;
  const answer = await fetch(target, { headers: { accept: "text/html" } }).catch(() => null);
  if (!answer || mine !== latest) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (mine !== latest) return;
  const fresh = page.querySelector("#answer");
  const place = document.getElementById("answer");
  if (!fresh || !place) {
    tell(page.querySelector("main .sentence")?.textContent || "");
    return;
  }
  history.replaceState(null, "", target);
  place.replaceWith(fresh);
  const rows = form.querySelectorAll(".clause");
  const last = rows[rows.length - 1];
  if (last.querySelector("[name=c]").value) {
    const spare = page.querySelectorAll("#builder .clause");
    last.after(spare[spare.length - 1]);
  }
}

function removeClause(button) {
  const form = button.closest("form");
  button.closest(".clause").remove();
  go(address(form));
}

start(document);
