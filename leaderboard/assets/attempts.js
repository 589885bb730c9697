// The browser of a run's attempts. Texts are untrusted: they reach the page as text nodes only.
"use strict";
(() => {
  const place = document.getElementById("attempts");
  const { state } = window.harness;
  const STEP = 50, SHORT = 2000;
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  function text(content) {
    const pre = make("pre", { tabindex: "0" }, content.slice(0, SHORT));
    if (content.length <= SHORT) return [pre];
    const more = make("button", { type: "button", class: "quiet" },
      `Show ${(content.length - SHORT).toLocaleString("en")} more characters`);
    more.addEventListener("click", () => { pre.textContent = content; more.remove(); pre.focus(); });
    return [pre, more];
  }
  const pretty = (json) => { try { return JSON.stringify(JSON.parse(json), null, 1); } catch { return json; } };

  function outcome(attempt, { sign, best }) {
    if (attempt.status !== "ok") return attempt.status;
    if (attempt.answer === null) return "no answer";
    if (best === null) return "scored"; // where there are grades an attempt may be neither right nor wrong
    return sign * attempt.score >= sign * best ? "right" : "wrong";
  }
  const short = (number) => String(Number(number.toPrecision(3)));
  function body(attempt, metrics) {
    const inner = make("div", { class: "attempt" });
    const facts = [["outcome", attempt.outcome], ...metrics.map((name, n) => [name, attempt.metrics[n]])
        .map(([name, value]) => [name, value === null ? value : short(value)]), ["stopped by", attempt.stop_reason],
      ["confidence", attempt.confidence], ["calls", attempt.calls],
      ["tokens", `${attempt.input_tokens ?? "?"} in, ${attempt.output_tokens ?? "?"} out`], ["group", attempt.group]]
      .filter(([, value]) => value !== null && value !== undefined && value !== "");
    inner.append(make("p", { class: "soft" }, facts.map(([name, value]) => `${name} ${value}`).join(" · ")));
    if (attempt.conversation) inner.append(make("h3", {}, "Conversation"), window.harness.conversation(attempt.conversation));
    if (attempt.timeline) inner.append(make("h3", {}, "Who acted"), window.harness.timeline(attempt.timeline));
    for (const [title, content] of [["Reason", attempt.reason], ["Question", attempt.input], ["Target", attempt.target],
      ["Answer as read", attempt.answer], ["Completion", attempt.completion], ["Trace", attempt.trace && pretty(attempt.trace)]]) {
      if (content === null || content === undefined || content === "") continue;
      inner.append(make("h3", {}, title), ...text(String(content)));
    }
    return inner;
  }

  function show(data) {
    const attempts = data.rows.map((row) => {
      const attempt = Object.fromEntries(data.fields.map((name, n) => [name, row[n]]));
      attempt.outcome = outcome(attempt, data);
      attempt.key = `${attempt.sample_id}/${attempt.epoch}`;
      return attempt;
    });
    const repeated = attempts.some((attempt) => attempt.epoch > 0);
    const kinds = ["right", "wrong", "scored", "no answer", "unscored", "error", "refused", "filtered", "context_overflow"]
      .map((kind) => [kind, attempts.filter((attempt) => attempt.outcome === kind).length]).filter(([, n]) => n);
    const choose = make("select", {}, new Option(`all ${attempts.length}`, ""),
      ...kinds.map(([kind, n]) => new Option(`${kind} ${n}`, kind)));
    const search = make("input", { type: "search", placeholder: "text, answer or id", autocomplete: "off", spellcheck: "false" });
    const count = make("output", {});
    const list = make("ol", { class: "attempts" });
    const more = make("button", { type: "button", class: "quiet" }, "Show more");
    const form = make("form", { class: "filters", "aria-label": "Attempts" },
      make("label", {}, "Find ", search), make("label", {}, "Outcome ", choose), count);
    let fitting = [], shown = 0;

    const item = (attempt) => {
      const tag = make("span", { class: `tag ${attempt.outcome === "right" ? "right" : attempt.outcome === "wrong" ? "" : "warn"}` }, attempt.outcome);
      const details = make("details", {}, make("summary", {},
        make("span", { class: "id" }, repeated ? `${attempt.sample_id} · ${attempt.epoch}` : attempt.sample_id), make("span", {}, tag),
        make("span", { class: "answer" }, (attempt.answer ?? attempt.completion ?? attempt.reason ?? "").slice(0, 200)),
        make("span", { class: "score" }, attempt.score === null ? "" : short(attempt.score))));
      details.addEventListener("toggle", () => {
        if (details.open && details.children.length === 1) details.append(body(attempt, data.metrics));
        if (details.open) state.set({ attempt: attempt.key });
        else if (state.get("attempt") === attempt.key) state.set({ attempt: "" });
      });
      const element = make("li", {}, details);
      element.dataset.key = attempt.key;
      return element;
    };
    const extend = (upTo) => {
      list.append(...fitting.slice(shown, upTo).map(item));
      shown = Math.max(shown, Math.min(upTo, fitting.length));
      more.hidden = shown >= fitting.length;
    };
    const haystack = new Map();
    const contains = (attempt, wanted) => {
      if (!haystack.has(attempt)) {
        haystack.set(attempt, [attempt.sample_id, attempt.input, attempt.target, attempt.answer, attempt.completion, attempt.reason, attempt.trace].join("\n").toLowerCase());
      }
      return haystack.get(attempt).includes(wanted);
    };
    const refresh = () => {
      const wanted = search.value.trim().toLowerCase();
      fitting = attempts.filter((attempt) => (!choose.value || attempt.outcome === choose.value)
        && (!wanted || contains(attempt, wanted)));
      list.replaceChildren();
      shown = 0;
      extend(STEP);
      count.textContent = `${fitting.length} of ${attempts.length} attempts`;
    };
    const restore = () => {
      choose.value = kinds.some(([kind]) => kind === state.get("outcome")) ? state.get("outcome") : "";
      search.value = state.get("find");
      refresh();
      const wanted = fitting.findIndex((attempt) => attempt.key === state.get("attempt"));
      if (wanted >= 0) {
        extend(wanted + 1);
        const found = [...list.children][wanted];
        found.firstChild.open = true;
        found.scrollIntoView({ block: "center" });
      }
    };
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => {
      state.set({ outcome: choose.value, find: search.value });
      refresh();
    });
    more.addEventListener("click", () => extend(shown + STEP));
    list.addEventListener("keydown", (event) => { // j and k walk the list
      const step = { j: 1, k: -1 }[event.key];
      const summaries = [...list.querySelectorAll("summary")];
      const at = summaries.indexOf(document.activeElement);
      if (step && at >= 0 && summaries[at + step]) { event.preventDefault(); summaries[at + step].focus(); }
    });
    place.replaceChildren(form);
    if (data.total > attempts.length) {
      place.append(make("p", { class: "note" }, `The first ${attempts.length.toLocaleString("en")} of ${data.total.toLocaleString("en")} attempts; samples.parquet has them all.`));
    }
    place.append(list, more);
    state.onChange(restore);
    restore();
  }

  const script = make("script", { src: place.dataset.source });
  script.addEventListener("load", () => show(window.harnessAttempts));
  script.addEventListener("error", () => place.replaceChildren(make("p", { class: "note" }, "The attempts of this run are not beside the site.")));
  document.head.append(script);
})();
