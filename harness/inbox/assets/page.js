// What waits for a reply, and the one that is open. All that is known is the server's: the page may be closed
// and opened again at any time. What is being typed is kept in this browser until it is sent.
"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const make = (name, text = "", more = {}) => Object.assign(document.createElement(name), { textContent: text }, more);
  const HEADS = { question: "A question", approval: "May this be done?", plan: "Is this plan right?", move: "It is your move", text: "Your reply" };
  let open = null;   // the request that is open, as the server gave it
  let shown = "";    // the id that the server knows to be shown
  let chosen = "";   // the id that the person chose

  async function ask(path, said) {
    const more = said ? { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(said) } : {};
    const came = await fetch(path, { cache: "no-store", ...more });
    const found = (came.headers.get("Content-Type") || "").startsWith("application/json") ? await came.json() : { error: await came.text() };
    return { ok: came.ok, status: came.status, ...found };
  }

  const draft = {
    key: (name) => `harness-human ${open.id} ${name}`,
    keep(field) { try { localStorage.setItem(draft.key(field.name), field.value); } catch { /* no storage */ } },
    of(name, otherwise) { try { return localStorage.getItem(draft.key(name)) ?? otherwise; } catch { return otherwise; } },
    forget(id) {
      try {
        for (const key of Object.keys(localStorage)) if (key.startsWith(`harness-human ${id} `)) localStorage.removeItem(key);
      } catch { /* no storage */ }
    },
  };

  function field(kind, name, label, value = "", rows = 3) {
    const made = make(kind, "", { name, id: `field-${name}` });
    if (kind === "textarea") made.rows = rows;
    made.value = draft.of(name, value);
    made.addEventListener("input", () => draft.keep(made));
    return [make("label", label, { htmlFor: made.id }), made];
  }

  function button(text, act, type = "button") {
    const made = make("button", text, { type });
    made.addEventListener("click", act);
    return made;
  }

  function row(...parts) {
    const made = make("div", "", { className: "row" });
    made.append(...parts);
    return made;
  }

  async function send(text) {
    const id = open.id;
    for (const each of at("form").querySelectorAll("button")) each.disabled = true;
    let came;
    // who is quick may answer before the server has heard that the request was seen
    try { await seen(); came = await ask("/reply", { id, text }); } catch { came = { ok: false, error: "The server doesn't answer: nothing was sent. Try again." }; }
    if (open === null || open.id !== id) return;
    if (came.ok) {
      draft.forget(id);
      close();
      return look();
    }
    const over = came.status === 409 || came.status === 410;
    for (const each of at("form").querySelectorAll("button")) each.disabled = over;
    at("fault").textContent = over ? `Your reply doesn't count. ${came.error}` : came.error;
  }

  function build(request) {
    const form = at("form");
    form.replaceChildren();
    form.onsubmit = (event) => event.preventDefault();
    if (request.kind === "approval" || request.kind === "plan") {
      const plan = request.kind === "plan";
      const [whyLabel, why] = field("input", "why", "Reason");
      const [otherLabel, other] = field("textarea", "other", plan ? "The plan that you want" : "The call that you want", plan ? request.text : request.action, 5);
      form.append(
        row(button("Approve", () => send("approve"))),  // no button to submit: Enter approves nothing
        row(whyLabel, why, button("Reject", () => send(why.value.trim() ? `reject: ${why.value}` : "reject"))),
        otherLabel, other, row(button("Change", () => send(`edit: ${other.value}`))),
      );
      return;
    }
    if (request.kind === "move") {
      const [label, calls] = field("textarea", "calls", "Calls as JSON", '[{"name": "", "arguments": {}}]', 5);
      form.append(make("p", `Tools: ${request.choices.join(", ")}`, { className: "soft" }), label, calls,
        row(button("Make the move", () => send(calls.value), "submit"), button("Decline", () => send("decline"))));
      return;
    }
    if (request.choices.length) form.append(row(...request.choices.map((each) => button(each, () => send(each)))));
    const [label, text] = field("textarea", "text", "Your answer");
    form.append(label, text, row(button("Send", () => send(text.value), "submit")));
  }

  function close() {
    open = null;
    chosen = "";
    at("open").hidden = true;
  }

  async function show(id) {
    const found = await ask(`/request.json?id=${encodeURIComponent(id)}`);
    if (!found.ok) return close();
    open = found;
    at("attempt").textContent = `Sample ${found.sample}${found.epoch ? `, epoch ${found.epoch}` : ""}`;
    at("brief").hidden = !found.brief;
    at("brief").querySelector("pre").textContent = found.brief;
    const said = at("dialogue").querySelector("dl");
    said.replaceChildren(...found.dialogue.flatMap(([who, text]) => [make("dt", who), make("dd", text)]));
    at("dialogue").hidden = !found.dialogue.length;
    at("kind").textContent = HEADS[found.kind] || found.kind;
    at("text").textContent = found.text;
    at("action").textContent = found.action;
    at("fault").textContent = "";
    build(found);
    at("open").hidden = false;
    state(found);
    await seen();
  }

  // the time of a reply begins when somebody can see the question
  async function seen() {
    if (open === null || open.id === shown || document.visibilityState !== "visible") return;
    const id = open.id;
    if ((await ask("/shown", { id })).ok) shown = id;
  }

  function state(request) {
    const gone = at("gone");
    gone.hidden = !request.gone;
    gone.textContent = request.gone === "not running"
      ? "Its evaluation isn't running. Your reply is kept for when it is started again."
      : request.gone && `Gone: ${request.gone}`;
    const over = request.gone && request.gone !== "not running";
    for (const each of at("form").querySelectorAll("button")) each.disabled = Boolean(over);
  }

  function line(request) {
    const item = make("li");
    const choose = button("", async () => { chosen = request.id; await show(request.id); mark(); });
    choose.dataset.id = request.id;
    choose.append(make("span", request.title || request.kind), make("small", `${request.kind}, sample ${request.sample}${request.gone ? (request.gone === "not running" ? " (not running)" : " (gone)") : ""}`));
    item.append(choose);
    if (request.gone === "not running") {
      item.append(button("Remove", async () => { await ask("/forget", { id: request.id }); if (open && open.id === request.id) close(); look(); }));
    }
    return item;
  }

  function mark() {
    for (const each of at("waiting").querySelectorAll("[data-id]")) {
      if (open && each.dataset.id === open.id) each.setAttribute("aria-current", "true");
      else each.removeAttribute("aria-current");
    }
  }

  let list = "";
  async function look() {
    const found = await ask("/waiting.json");
    if (!found.ok) { at("state").textContent = found.error; return; }
    const waiting = found.waiting, live = waiting.filter((each) => !each.gone);
    const text = JSON.stringify(waiting);
    if (text !== list) {  // what has the focus stays as it is
      list = text;
      at("waiting").replaceChildren(...waiting.map(line));
    }
    at("state").textContent = live.length ? `${live.length} wait${live.length === 1 ? "s" : ""} for you` : "Nothing waits for you now; new questions appear by themselves.";
    document.title = live.length ? `(${live.length}) Questions for you` : "Questions for you";
    const here = open && waiting.find((each) => each.id === open.id);
    if (here) state(here);
    else if (open && chosen === open.id && at("fault").textContent) { /* it says why the reply didn't count */ }
    else if (open) {
      const over = await ask(`/request.json?id=${encodeURIComponent(open.id)}`);
      if (!over.ok) state({ gone: over.error });
      draft.forget(open.id);
      if (live.length) close();
    }
    if (open === null && live.length) await show(live[0].id);
    await seen();
    mark();
  }

  async function follow() {
    try { await look(); } catch { at("state").textContent = "The server doesn't answer; start 'harness human serve' again."; }
    setTimeout(follow, 1000);
  }
  document.addEventListener("visibilitychange", () => seen().catch(() => {}));
  follow();
})();
