// Draws an episode of an agent and a person: who acted, who waited. Texts reach the page as text nodes only.
"use strict";
(() => {
  const SPACE = "http://www.w3.org/2000/svg", WIDE = 58, HIGH = 22, LEFT = 52, TOP = 6, GAP = 8;
  const LANES = ["agent", "human"];
  const svg = (tag, attributes = {}, ...children) => {
    const element = document.createElementNS(SPACE, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const taken = (seconds) => (seconds === null ? "" : ` (${Number(seconds.toPrecision(3))} s)`);

  // `entries` are what leaderboard/timelines.py made; gives an element for the attempt's body
  window.harness.timeline = (entries) => {
    const words = entries.map(([who, what, , seconds]) => `${who}: ${what}${taken(seconds)}`).join("; ");
    const wide = LEFT + WIDE * entries.length + 4, high = TOP + 2 * HIGH + GAP + 4;
    const picture = svg("svg", { viewBox: `0 0 ${wide} ${high}`, width: wide, height: high, class: "timeline", role: "img", "aria-label": `Who acted, in order. ${words}` });
    LANES.forEach((lane, n) => {
      const y = TOP + n * (HIGH + GAP);
      picture.append(
        svg("text", { x: 0, y: y + HIGH / 2 + 3, "font-size": 10, fill: "var(--ink)" }, lane),
        svg("line", { x1: LEFT, x2: wide - 4, y1: y + HIGH / 2, y2: y + HIGH / 2, stroke: "var(--line)", "stroke-dasharray": "2 3", class: "waits" }));
    });
    entries.forEach(([who, what, text, seconds], k) => {
      const n = LANES.indexOf(who), y = TOP + n * (HIGH + GAP), nobody = what === "refused";
      const tint = `var(--series${n})`;
      picture.append(svg("g", { class: `acts ${who}` },
        svg("title", {}, `${who}, ${what}${taken(seconds)}: ${text}`),
        svg("rect", { x: LEFT + k * WIDE + 1, y, width: WIDE - 2, height: HIGH, rx: 2, fill: nobody ? "none" : tint, stroke: tint, ...(nobody ? { "stroke-dasharray": "2 2" } : {}) }),
        svg("text", { x: LEFT + k * WIDE + WIDE / 2, y: y + HIGH / 2 + 3, "text-anchor": "middle", "font-size": 8, fill: nobody ? "var(--ink)" : "var(--ground)" }, what.slice(0, 11))));
    });
    const spent = entries.filter(([who, what]) => who === "human" && what !== "refused");
    const known = spent.every(([, , , seconds]) => seconds !== null);
    const note = document.createElement("p");
    note.className = "soft";
    note.textContent = `A block is an act, a dotted line waiting, a hollow block a request that nobody was asked. The person acted ${spent.length} times`
      + (known ? `, ${Number(spent.reduce((sum, entry) => sum + entry[3], 0).toPrecision(3))} s in all.` : "; how long is not known.");
    const scroll = document.createElement("div");
    scroll.className = "scroll";
    scroll.append(picture);
    const found = document.createElement("div");
    found.append(scroll, note);
    return found;
  };
})();
