// Sorting, filtering and switches. What a reader chose stands in the URL's hash, so a link restores it.
"use strict";
window.harness = (() => {
  // ---- state in the hash: "#results.sort=value-desc&method=direct"; a hash without "=" is an anchor
  const listeners = [];
  const parse = () => {
    const hash = location.hash.slice(1);
    return new URLSearchParams(hash.includes("=") ? hash : "");
  };
  const state = {
    get: (key) => parse().get(key) || "",
    set(changes) {
      const values = parse();
      for (const [key, value] of Object.entries(changes)) value ? values.set(key, value) : values.delete(key);
      const text = values.toString();
      history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
    },
    onChange(listener) { listeners.push(listener); },
  };
  addEventListener("hashchange", () => listeners.forEach((listener) => listener()));

  // ---- theme
  const themes = ["auto", "light", "dark"];
  const themeListeners = [];
  const button = document.getElementById("theme");
  const current = () => document.documentElement.dataset.theme || "auto";
  const showTheme = () => { button.querySelector("span").textContent = current(); };
  button.hidden = false;
  showTheme();
  button.addEventListener("click", () => {
    const next = themes[(themes.indexOf(current()) + 1) % themes.length];
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try { localStorage.setItem("harness-theme", next); } catch { /* kept for this page only */ }
    showTheme();
    themeListeners.forEach((listener) => listener());
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => themeListeners.forEach((l) => l()));

  // ---- sorting: a click goes through the useful direction, the other, and the order of the page
  const orders = new Map();
  const valueOf = (cell, number) => {
    if (!cell) return number ? NaN : "";
    if (!number) return cell.textContent.trim().toLowerCase();
    return cell.dataset.value === undefined ? NaN : Number(cell.dataset.value);
  };
  function sortTable(table, column, direction) {
    const body = table.tBodies[0];
    if (!orders.has(table)) orders.set(table, [...body.rows]);
    const rows = [...orders.get(table)];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    const index = heads.findIndex((head) => head.dataset.column === column);
    if (index >= 0 && direction) {
      const number = heads[index].dataset.kind === "number";
      const sign = direction === "asc" ? 1 : -1;
      const keyed = rows.map((row) => [valueOf(row.cells[index], number), row]);
      keyed.sort(([a], [b]) => {
        if (number) {
          if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b); // unknown last
          return sign * (a - b);
        }
        return sign * a.localeCompare(b, "en", { numeric: true });
      });
      rows.splice(0, rows.length, ...keyed.map(([, row]) => row));
      heads[index].setAttribute("aria-sort", direction === "asc" ? "ascending" : "descending");
    }
    body.append(...rows);
  }
  const sortable = [...document.querySelectorAll("table[data-sortable]")];
  for (const table of sortable) {
    for (const head of table.tHead.rows[0].cells) {
      if (!head.dataset.kind) continue;
      head.dataset.column = head.textContent.trim().replace(/[^\w]+/g, "_");
      const control = document.createElement("button");
      control.type = "button";
      control.append(...head.childNodes);
      head.append(control);
      control.addEventListener("click", () => {
        const cycle = head.dataset.kind === "number" ? ["desc", "asc", ""] : ["asc", "desc", ""];
        const shown = { ascending: "asc", descending: "desc" }[head.getAttribute("aria-sort")] || "";
        const next = cycle[(cycle.indexOf(shown) + 1) % 3];
        state.set({ [`${table.id}.sort`]: next && `${head.dataset.column}-${next}` });
        sortTable(table, head.dataset.column, next);
      });
    }
  }
  const restoreSorts = () => sortable.forEach((table) => {
    const wanted = state.get(`${table.id}.sort`);
    const cut = wanted.lastIndexOf("-");
    if (wanted) sortTable(table, wanted.slice(0, cut), wanted.slice(cut + 1));
    else if (orders.has(table)) sortTable(table, "", "");
  });

  // ---- filtering: rows by task, method, model and text; of a matrix also its columns and itself
  const form = document.getElementById("filters");
  const controls = form ? [...form.querySelectorAll("[data-filter]")] : [];
  function filter() {
    if (!form) return;
    const want = Object.fromEntries(controls.map((control) => [control.dataset.filter, control.value]));
    const text = (want.q || "").trim().toLowerCase();
    const fits = (element, ...names) => names.every((name) => !want[name] || element.dataset[name] === want[name]);
    let shown = 0, all = 0;
    for (const row of document.querySelectorAll("tr[data-row]")) {
      const ok = fits(row, "task", "method", "model") && (!text || row.textContent.toLowerCase().includes(text));
      row.hidden = !ok;
      all += 1;
      shown += ok;
    }
    for (const matrix of document.querySelectorAll("[data-matrix]")) {
      let some = false;
      for (const cell of matrix.querySelectorAll("th[data-method], td[data-method]")) cell.hidden = !fits(cell, "method");
      const columns = matrix.querySelectorAll("thead th[data-method]:not([hidden])").length;
      const heading = matrix.dataset.model.toLowerCase().includes(text)
        || [...matrix.querySelectorAll("thead th[data-method]")].some((head) => head.textContent.toLowerCase().includes(text));
      for (const row of matrix.querySelectorAll("tr[data-cells]")) {
        const ok = fits(row, "task") && (!text || heading || row.textContent.toLowerCase().includes(text));
        row.hidden = !ok;
        some = some || ok;
      }
      matrix.hidden = !(some && columns && fits(matrix, "model"));
    }
    form.querySelector("[data-count]").textContent = shown === all ? `${all} rows` : `${shown} of ${all} rows`;
  }
  const restoreFilters = () => {
    for (const control of controls) control.value = state.get(control.dataset.filter);
    filter();
  };
  if (form) {
    form.addEventListener("input", () => {
      state.set(Object.fromEntries(controls.map((control) => [control.dataset.filter, control.value])));
      filter();
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", (event) => {
      event.preventDefault(); // its own work would come after this, and undo what is typed next
      state.set(Object.fromEntries(controls.map((control) => [control.dataset.filter, ""])));
      restoreFilters();
    });
  }

  // ---- switches: one of several figures; the same choice in every section of the page
  const switches = [...document.querySelectorAll("[data-switch]")];
  function show(block, wanted) {
    const select = block.querySelector("select");
    if (![...select.options].some((option) => option.value === wanted)) return;
    select.value = wanted;
    for (const part of block.querySelectorAll("[data-case]")) part.hidden = part.dataset.case !== wanted;
  }
  const restoreSwitches = () => switches.forEach((block) => {
    show(block, state.get(block.dataset.switch) || block.querySelector("select").options[0].value);
  });
  for (const block of switches) {
    block.querySelector("select").addEventListener("change", (event) => {
      const name = block.dataset.switch;
      state.set({ [name]: event.target.value });
      for (const other of switches) if (other.dataset.switch === name) show(other, event.target.value);
    });
  }

  // ---- keys: "/" goes to the search, Escape leaves it
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
    const search = document.querySelector("input[type=search]");
    if (event.key === "/" && !typing && search) { event.preventDefault(); search.focus(); }
    if (event.key === "Escape" && document.activeElement === search) search.blur();
  });

  const restore = () => { restoreSorts(); restoreFilters(); restoreSwitches(); };
  state.onChange(restore);
  restore();
  return { state, onTheme: (listener) => themeListeners.push(listener) };
})();
