/* A table that can be searched, filtered, sorted and paged, without a mouse. */
"use strict";

pictrial.table = (() => {
  const { element, numeric, words } = pictrial;
  const ROWS = 100;
  let made = 0;

  /**
   * columns: [{name, heading, about, number, say(text), cell(row)}]; rows: objects of texts.
   * options: label, filters (names of columns), search (whether), start ({name: text}), source (a file).
   */
  return function table(columns, rows, options = {}) {
    const id = `table${(made += 1)}`;
    const state = { text: "", chosen: {}, by: null, down: false, first: 0 };
    const status = element("p", { role: "status", id: `${id}-status` });
    const body = element("tbody");
    const search = element("input", { type: "search", id: `${id}-search`, autocomplete: "off" });
    const filters = (options.filters || []).map(filter).filter(Boolean);
    const heads = columns.map(heading);
    const before = pager("Previous rows", -ROWS);
    const after = pager("Next rows", ROWS);
    const said = (c, text) => (c && c.say ? c.say(text) : text);
    const all = rows.map((row) => columns.map((c) => `${row[c.name] ?? ""}\n${c.say ? c.say(row[c.name]) : ""}`).join("\n").toLowerCase());
    let found = [];

    search.addEventListener("input", () => { state.text = search.value.toLowerCase().trim(); narrow(); });
    if (options.start && options.start.q) { search.value = options.start.q; state.text = options.start.q.toLowerCase(); }

    function filter(name) {
      const values = [...new Set(rows.map((row) => row[name]))];
      const column = columns.find((c) => c.name === name);
      const wanted = (options.start || {})[name];
      if (values.length < 2 && wanted === undefined) return null;
      const select = element("select", { "data-filter": name }, element("option", { value: "" }, "all"),
        values.map((value) => element("option", { value }, column && column.say ? column.say(value) : value)));
      if (wanted !== undefined && values.includes(wanted)) { select.value = wanted; state.chosen[name] = wanted; }
      select.addEventListener("change", () => { state.chosen[name] = select.value; narrow(); });
      return element("label", {}, column && column.heading ? column.heading : words(name), select);
    }

    function heading(column) {
      const button = element("button", { type: "button", title: column.about || null }, column.heading);
      const head = element("th", { scope: "col", class: column.number ? "right" : null, "aria-sort": "none" }, button);
      button.addEventListener("click", () => {
        state.down = state.by === column ? !state.down : false;
        state.by = column;
        heads.forEach((other) => other.setAttribute("aria-sort", "none"));
        head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
        narrow();
      });
      return head;
    }

    function pager(text, step) {
      const button = element("button", { type: "button" }, text);
      button.addEventListener("click", () => { state.first += step; show(); });
      return button;
    }

    function narrow() {
      const terms = state.text.split(/\s+/).filter(Boolean);
      const chosen = Object.entries(state.chosen).filter(([, value]) => value !== "");
      found = rows.map((row, place) => place).filter((place) =>
        chosen.every(([name, value]) => rows[place][name] === value) && terms.every((term) => all[place].includes(term)));
      if (state.by) {
        const name = state.by.name;
        const value = state.by.number ? (place) => numeric(rows[place][name]) : (place) => rows[place][name];
        const sign = state.down ? -1 : 1;
        found.sort((a, b) => (value(a) < value(b) ? -sign : value(a) > value(b) ? sign : a - b));
      }
      state.first = 0;
      show();
    }

    function show() {
      const last = Math.min(state.first + ROWS, found.length);
      body.replaceChildren(...found.slice(state.first, last).map((place) => element("tr", {}, columns.map((column, n) => {
        const content = column.cell ? column.cell(rows[place]) : said(column, rows[place][column.name]);
        return element(n ? "td" : "th", { scope: n ? null : "row", class: column.number ? "right" : null }, content);
      }))));
      const of = found.length === rows.length ? "" : ` (of ${rows.length})`;
      status.textContent = found.length ? `Rows ${state.first + 1} to ${last} of ${found.length}${of}` : `No row fits${of}`;
      before.disabled = state.first === 0;
      after.disabled = last >= found.length;
      before.hidden = after.hidden = found.length <= ROWS;
    }

    const controls = options.search === false ? [] : [element("label", {}, "Search", search)];
    const inner = element("table", {}, element("thead", {}, element("tr", {}, heads)), body);
    const whole = element("div", {},
      controls.length + filters.length ? element("div", { class: "filters", role: "search", "aria-label": options.label }, controls, filters) : null,
      element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": options.label }, inner),
      element("div", { class: "pages" }, before, status, after,
        options.source ? pictrial.link(`../${options.source}`, options.source) : null));
    narrow();
    return whole;
  };
})();
