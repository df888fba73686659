// Brings a page up to date. Without it everything works: a reload does the same. A form that a person has begun is never touched.
"use strict";
(() => {
  const every = Number(document.body.dataset.every) * 1000;
  const news = document.getElementById("news");

  // The text that says what the last form did is said once: a reload must not repeat it.
  const here = new URL(location.href);
  if (here.searchParams.has("done")) {
    if (here.searchParams.get("done") === "answered") sessionStorage.removeItem(sessionStorage.getItem("sent"));
    here.searchParams.delete("done");
    here.searchParams.delete("n");
    here.searchParams.delete("doneCase");
    history.replaceState(null, "", here);
  }

  // An answer that is half written, or was sent and not taken, survives a reload and the end of a session, in this tab alone.
  const drafts = () => document.querySelectorAll("form[data-draft] textarea");
  const key = (box) => "draft " + box.form.dataset.draft;
  for (const box of drafts()) {
    if (!box.value) box.value = sessionStorage.getItem(key(box)) ?? "";
  }
  document.addEventListener("input", (event) => {
    if (event.target.matches("form[data-draft] textarea")) sessionStorage.setItem(key(event.target), event.target.value);
  });

  // A second click sends nothing. What was stopped or came back from the browser's history can be sent again.
  let sent = new WeakSet();
  window.addEventListener("pageshow", () => { sent = new WeakSet(); });
  document.addEventListener("submit", (event) => {
    const form = event.target, box = form.querySelector("textarea");
    if (sent.has(form)) {
      event.preventDefault();
      if (news) news.textContent = "It is being sent.";
      return;
    }
    sent.add(form);
    setTimeout(() => sent.delete(form), 10000);
    if (form.dataset.draft && box) sessionStorage.setItem("sent", key(box));
  });

  if (!every) return;

  const begun = (part) =>
    part.contains(document.activeElement) ||
    [...part.querySelectorAll("input, textarea, select")].some((field) =>
      field.type === "checkbox" ? field.checked !== field.defaultChecked : field.type !== "hidden" && field.tagName !== "SELECT" && field.value !== field.defaultValue) ||
    part.querySelector("details[open]") !== null;

  const say = (text) => { if (news.textContent !== text) news.textContent = text; };

  // mark says something at the head of an item; kept is said, too, where a person has written a text in it.
  const mark = (item, text, kept) => {
    if ([...item.querySelectorAll("textarea")].some((box) => box.value)) text += " What you wrote is kept" + kept;
    let note = item.querySelector(".meanwhile");
    if (!note) {
      note = document.createElement("p");
      note.className = "problem meanwhile";
      item.prepend(note);
    }
    if (note.textContent !== text) note.textContent = text;
  };

  const questionOf = (part) => part.querySelector("[name=questionId]")?.value;

  // markOther says that what a person writes is for a question that is not open any more, and reports whether it is.
  const markOther = (old, fresh) => {
    const other = questionOf(old) !== undefined && questionOf(fresh) !== questionOf(old);
    if (other) mark(old, "The question is not open any more.", "; send it to see who answered.");
    return other;
  };

  // A list that says that it is a part does not tell why an item has left it.
  const mergeList = (list, fresh) => {
    const part = "part" in fresh.dataset;
    const now = new Map([...fresh.children].map((item) => [item.id, item]));
    let added = 0, gone = 0;
    for (const item of [...list.children]) {
      if (now.has(item.id)) continue;
      if (begun(item)) {
        mark(item, ...(part ? ["This item is not on this page of the list any more.", "."] :
          ["This was dealt with meanwhile, by another person or by itself.", "; send it to see who answered."]));
      } else {
        item.remove();
        gone++;
      }
    }
    let before = null;
    for (const item of [...fresh.children].reverse()) {
      const old = document.getElementById(item.id);
      if (!old) {
        added++;
        const made = document.importNode(item, true);
        list.insertBefore(made, before);
        before = made;
        continue;
      }
      if (begun(old)) {
        if (!markOther(old, item)) old.querySelector(".meanwhile")?.remove();
      } else {
        if (old.innerHTML !== item.innerHTML) old.replaceChildren(...document.importNode(item, true).childNodes);
        if (old.nextElementSibling !== before) list.insertBefore(old, before);
      }
      before = old;
    }
    if (added || gone) say(part ? "The list has changed." : [added ? added + " new" : "", gone ? gone + " done" : ""].filter(Boolean).join(", ") + ".");
  };

  const merge = (fresh) => {
    for (const part of document.querySelectorAll("[data-live]")) {
      const other = fresh.getElementById(part.id);
      if (!other) continue;
      if (part.dataset.live === "list") {
        mergeList(part, other);
      } else if (part.innerHTML !== other.innerHTML) {
        if (!begun(part)) {
          part.className = other.className;
          part.replaceChildren(...document.importNode(other, true).childNodes);
        } else if (part.dataset.live === "form" && !markOther(part, other)) {
          part.querySelector(".meanwhile")?.remove();
        }
      }
    }
  };

  const refresh = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.href, {
        credentials: "same-origin", cache: "no-store", headers: { "X-Live": "1" }, signal: AbortSignal.timeout(every + 10000), // not a use of the session
      });
      if (answer.status === 401) {
        say("The session has ended. Sign in in another tab to go on here.");
      } else if (answer.ok) {
        merge(new DOMParser().parseFromString(await answer.text(), "text/html"));
        if (news.textContent.startsWith("No connection") || news.textContent.startsWith("The session")) say("");
      } else {
        say("No connection to what is behind the page (" + answer.status + "): it may be out of date.");
      }
    } catch {
      say("No connection to Signalbox: the page may be out of date.");
    }
  };

  const run = async () => {
    await refresh();
    setTimeout(run, every);
  };
  setTimeout(run, every);
})();
