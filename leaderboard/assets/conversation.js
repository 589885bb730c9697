// Draws a conversation of agents: one graph a round, and credits over rounds. Texts reach the page as text nodes only.
"use strict";
(() => {
  const SPACE = "http://www.w3.org/2000/svg", SERIES = 8, SIZE = 220, RING = 78, LARGEST = 17;
  const svg = (tag, attributes = {}, ...children) => {
    const element = document.createElementNS(SPACE, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const colour = (n) => `var(--series${n % SERIES})`;
  const place = (k, n) => {
    const turn = 2 * Math.PI * k / n - Math.PI / 2;
    return [SIZE / 2 + RING * Math.cos(turn), SIZE / 2 + RING * Math.sin(turn)];
  };
  let drawn = 0;

  function graph(data, r) {
    const round = data.rounds[r], n = data.agents.length, scale = Math.min(1, 14 / n);
    const roles = [...new Set(data.agents.map((agent) => agent[1]))];
    const size = (k) => scale * (round.credits[k] === null ? 0.6 * LARGEST : LARGEST * (0.35 + 0.65 * round.credits[k]));
    const mark = `arrow-${drawn += 1}`;
    const words = round.edges.length + round.before.length
      ? [...round.edges.map(([s, t]) => `${t + 1} hears ${s + 1}`), ...round.before.map(([s, t]) => `${t + 1} hears ${s + 1} of the round before`)].slice(0, 60).join(", ")
      : "nobody hears anybody";
    const picture = svg("svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, class: "graph", role: "img", "aria-label": `Round ${r + 1}: ${words}` },
      svg("defs", {}, svg("marker", { id: mark, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 6, markerHeight: 6, orient: "auto" },
        svg("path", { d: "M0 0 L8 4 L0 8 z", fill: "var(--soft)" }))));
    for (const [edges, dashed] of [[round.before, true], [round.edges, false]]) {
      for (const [from, to] of edges) {
        if (from === to) continue;
        const [x1, y1] = place(from, n), [x2, y2] = place(to, n), long = Math.hypot(x2 - x1, y2 - y1) || 1;
        const start = size(from) / long, end = (size(to) + 3) / long;
        picture.append(svg("line", { x1: x1 + (x2 - x1) * start, y1: y1 + (y2 - y1) * start, x2: x2 - (x2 - x1) * end, y2: y2 - (y2 - y1) * end,
          stroke: "var(--soft)", "stroke-width": dashed ? 0.8 : 1.6, ...(dashed ? { "stroke-dasharray": "3 3" } : {}), "marker-end": `url(#${mark})` }));
      }
    }
    data.agents.forEach(([name, role, turned], k) => {
      const [x, y] = place(k, n), tint = colour(roles.indexOf(role));
      const against = turned !== null && r >= turned, silent = round.silent.includes(k);
      const out = round.selected.length > 0 && !round.selected.includes(k);
      const credit = round.credits[k] === null ? "" : `, credit ${round.credits[k]}`;
      const node = svg("g", { opacity: out ? 0.45 : 1 }, svg("title", {}, `${k + 1} ${name}: ${silent ? "no words" : round.answers[k] ?? "no answer"}${credit}${against ? ", adversary" : ""}`),
        svg("circle", { cx: x, cy: y, r: size(k), fill: silent ? "none" : tint, stroke: tint, "stroke-width": 1.5, ...(silent ? { "stroke-dasharray": "2 2" } : {}) }));
      if (against) node.append(svg("rect", { x: x - size(k) - 3, y: y - size(k) - 3, width: 2 * size(k) + 6, height: 2 * size(k) + 6, fill: "none", stroke: "var(--worse)", "stroke-width": 1.5, class: "adversary" }));
      const [lx, ly] = [SIZE / 2 + (x - SIZE / 2) * 1.32, SIZE / 2 + (y - SIZE / 2) * 1.32];
      if (n <= 24) node.append(svg("text", { x: lx, y: ly + 3, "text-anchor": "middle", fill: "var(--ink)", "font-size": 9 }, `${k + 1} ${silent ? "–" : (round.answers[k] ?? "?").slice(0, 8)}`));
      picture.append(node);
    });
    return picture;
  }

  function credits(data) {
    const rows = [...data.rounds.map((round) => round.credits), ...(data.credits ? [data.credits] : [])];
    const wide = 260, high = 120, left = 26, x = (r) => left + (wide - left - 8) * (rows.length > 1 ? r / (rows.length - 1) : 0.5), y = (v) => 8 + (high - 26) * (1 - v);
    const roles = [...new Set(data.agents.map((agent) => agent[1]))];
    const words = data.agents.map((agent, k) => `${k + 1}: ${rows.map((row) => row[k] ?? "?").join(", ")}`).join("; ");
    const picture = svg("svg", { viewBox: `0 0 ${wide} ${high}`, class: "graph", role: "img", "aria-label": `Credits over rounds, the last at the decision. ${words}` });
    for (const v of [0, 0.5, 1]) {
      picture.append(svg("line", { x1: left, x2: wide - 8, y1: y(v), y2: y(v), stroke: "var(--line)" }),
        svg("text", { x: left - 4, y: y(v) + 3, "text-anchor": "end", "font-size": 8, fill: "var(--soft)" }, String(v)));
    }
    rows.forEach((row, r) => picture.append(svg("text", { x: x(r), y: high - 4, "text-anchor": "middle", "font-size": 8, fill: "var(--soft)" }, r < data.rounds.length ? String(r + 1) : "end")));
    data.agents.forEach(([, role, turned], k) => {
      const points = rows.map((row, r) => [r, row[k]]).filter(([, v]) => v !== null).map(([r, v]) => `${x(r)},${y(v)}`).join(" ");
      picture.append(svg("polyline", { points, fill: "none", stroke: turned === null ? colour(roles.indexOf(role)) : "var(--worse)", "stroke-width": 1.5, ...(turned === null ? {} : { "stroke-dasharray": "4 2" }) }));
    });
    return picture;
  }

  // `data` is what leaderboard/conversations.py made; gives an element for the attempt's body
  window.harness.conversation = (data) => {
    const figure = (caption, picture) => {
      const found = document.createElement("figure"), text = document.createElement("figcaption");
      text.textContent = caption;
      found.append(picture, text);
      return found;
    };
    const row = document.createElement("div");
    row.className = "conversation";
    data.rounds.forEach((_, r) => row.append(figure(`Round ${r + 1}`, graph(data, r))));
    if (data.credits) row.append(figure("Credits over rounds", credits(data)));
    const note = document.createElement("p");
    note.className = "soft";
    const against = data.agents.flatMap((agent, k) => agent[2] === null ? [] : [`${k + 1} from round ${agent[2] + 1}`]);
    note.textContent = `Nodes are agents in the colour of their role${data.credits ? ", larger with credit" : ""}; an arrow goes to who hears it, dashed from the round before; pale agents aren't heard, hollow ones said nothing.`
      + (against.length ? ` In squares: adversaries, for ${data.wrong ?? "a wrong answer"}: ${against.join(", ")}.` : "");
    row.append(note);
    return row;
  };
})();
