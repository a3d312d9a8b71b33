// Keeps the page current: it is fetched again, and only what differs is changed, so that what is
// open stays open, what is selected stays selected, and the focus stays where it is.
"use strict";

(() => {
  const PATIENCE = 10_000;
  const every = Number(document.documentElement.dataset.every) * 1000;
  const alarm = document.getElementById("alarm");
  const form = document.querySelector("form");
  const pause = document.getElementById("pause");
  let timer = 0;
  let newest = 0;
  let paused = false;
  let lastSuccess = new Date();

  /** What a child is recognised by among those of its parent. */
  const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE && (node.id || node.dataset.key)) || null;

  function syncAttributes(from, to) {
    for (const { name, value } of [...to.attributes]) {
      if (name !== "open" && from.getAttribute(name) !== value) from.setAttribute(name, value);
    }
    for (const { name } of [...from.attributes]) {
      if (name !== "open" && !to.hasAttribute(name)) from.removeAttribute(name);
    }
  }

  const isSame = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);

  function morph(from, to) {
    if (from.nodeType !== Node.ELEMENT_NODE) {
      if (from.nodeValue === to.nodeValue) return;
      from.nodeValue = to.nodeValue;
      // The style sheet marks it for a moment, where the reader has nothing against motion.
      const number = from.parentElement?.closest(".number");
      number?.getAnimations().forEach((each) => each.cancel());
      number?.classList.add("changed");
      return;
    }
    if (from.isEqualNode(to)) return;
    syncAttributes(from, to);
    const staying = new Set(Array.from(to.childNodes, keyOf));
    const known = new Map();
    for (const child of [...from.childNodes]) {
      const key = keyOf(child);
      if (!key) continue;
      if (staying.has(key) && !known.has(key)) known.set(key, child);
      else child.remove();
    }
    let place = from.firstChild;
    for (const wanted of [...to.childNodes]) {
      const key = keyOf(wanted);
      let found = key ? known.get(key) : null;
      if (!found && !key) {
        while (place && keyOf(place)) place = place.nextSibling;
        if (place && isSame(place, wanted)) found = place;
      }
      if (found && isSame(found, wanted)) {
        if (found === place) place = place.nextSibling;
        else from.insertBefore(found, place);
        morph(found, wanted);
      } else {
        from.insertBefore(document.importNode(wanted, true), place);
      }
      known.delete(key);
    }
    const rest = new Set(known.values());
    while (place) {
      rest.add(place);
      place = place.nextSibling;
    }
    for (const each of rest) each.remove();
  }

  function report(text) {
    alarm.hidden = !text;
    if (alarm.textContent !== text) alarm.textContent = text;
  }

  async function update() {
    clearTimeout(timer);
    const mine = ++newest;
    try {
      const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
      const text = await answer.text();
      if (mine !== newest) return; // a later one is under way
      if (!answer.ok) throw new Error(answer.status === 401 ? "it asks for a password: reload the page" : `it answered ${answer.status}`);
      show(new DOMParser().parseFromString(text, "text/html"));
      lastSuccess = new Date();
      report("");
    } catch (error) {
      if (mine !== newest) return;
      const why = error.name === "TimeoutError" ? "no answer within 10 s" : error instanceof TypeError ? "it cannot be reached" : error.message;
      report(`The exporter cannot be asked since ${lastSuccess.toLocaleTimeString()}: ${why}. What you see is from then.`);
    }
    schedule();
  }

  function show(next) {
    const script = (page) => page.querySelector("script[src]")?.getAttribute("src");
    if (script(next) !== script(document)) {
      location.reload(); // another version of the exporter
      return;
    }
    const focused = document.activeElement;
    document.title = next.title;
    for (const id of ["summary", "all", "sources"]) {
      const [old, wanted] = [document.getElementById(id), next.getElementById(id)];
      if (old && wanted) morph(old, wanted);
    }
    // An element that was moved has lost it.
    if (focused?.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
  }

  function schedule() {
    clearTimeout(timer);
    if (!paused && !document.hidden) timer = setTimeout(update, every);
  }

  function filter() {
    const wanted = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value) wanted.set(name, value);
    const query = wanted.toString();
    history.replaceState(null, "", query ? `?${query}` : location.pathname);
    update();
  }

  let typing = 0;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    filter();
  });
  form.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(filter, 200);
  });
  form.querySelector("[type=submit]").hidden = true;

  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    if (paused) clearTimeout(timer);
    else update();
  });
  document.addEventListener("visibilitychange", () => (document.hidden || paused ? clearTimeout(timer) : update()));

  // A click anywhere on a row opens it, unless text is being selected or a link was meant.
  document.addEventListener("click", (event) => {
    const row = event.target.closest(".row");
    if (!row || event.target.closest("a, code") || String(getSelection())) return;
    const details = row.parentElement.querySelector("details");
    if (details) details.open = !details.open;
  });

  schedule();
})();
