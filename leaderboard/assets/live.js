// Added by `harness leaderboard serve`: shows runs in progress, and reloads when the site was rebuilt.
"use strict";
(() => {
  const bar = document.createElement("aside");
  bar.className = "live";
  bar.setAttribute("aria-label", "Runs in progress");
  bar.hidden = true;
  document.querySelector("header.top").after(bar);
  let version = null;
  const line = (run) => {
    const item = document.createElement("li");
    item.append(run.title || run.id);
    if (run.wanted) {
      const progress = document.createElement("progress");
      progress.max = run.wanted;
      progress.value = run.attempts;
      progress.setAttribute("aria-label", run.title || run.id);
      item.append(progress);
    }
    item.append(` ${run.attempts}${run.wanted ? ` of ${run.wanted}` : ""} attempts`);
    for (const [n, what] of [[run.unscored, "unscored"], [run.error, "errors"], [run.declined, "refused, filtered or too long"]]) {
      if (n) item.append(`, ${n} ${what}`);
    }
    if (!run.writing) item.append(" (interrupted)");
    return item;
  };
  const people = ({ waiting, address }) => {
    const line = document.createElement("p");
    line.append(`${waiting} question${waiting === 1 ? " waits" : "s wait"} for a person: `);
    if (address) line.append(Object.assign(document.createElement("a"), { href: address, textContent: "answer" }));
    else line.append("harness human serve shows the page to answer them");
    return line;
  };
  async function look() {
    try {
      const found = await (await fetch("/live.json", { cache: "no-store" })).json();
      if (version !== null && found.version !== version) { location.reload(); return; }
      version = found.version;
      bar.hidden = !found.running.length && !found.fault && !found.people.waiting;
      const list = document.createElement("ul");
      list.append(...found.running.map(line));
      bar.replaceChildren(list);
      if (found.people.waiting) bar.append(people(found.people));
      if (found.fault) bar.append(found.fault);
    } catch { /* the server has stopped: the page stays as it is */ }
    setTimeout(look, 2000);
  }
  look();
})();
