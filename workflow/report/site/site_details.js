/* The pages of one number, analysis, session or motor unit: each leads one step nearer to the recording. */
"use strict";

(() => {
  const { element, facts, hashOf, hashParts, link, need, numeric, rowsOf, table, words } = pictrial;
  const content = document.getElementById("content");
  const unitLink = (participant, session, unit) => link(`unit.html${hashOf(participant, session, unit)}`, unit);
  const sessionLink = (participant, session, text) => link(`session.html${hashOf(participant, session)}`, text);
  const numberLink = (row) => element("a", { class: "number", href: `number.html#${encodeURIComponent(row.ard_id)}` }, row.text);
  const rowsLink = (row, text) => link(`analysis.html${hashOf(row.analysis, row.outcome, row.contrast_or_level)}`, text);

  /** Columns of a packed table, with what changes for some of them. */
  function columnsOf(packed, names, changes = {}) {
    return names.filter((name) => packed.columns[name]).map((name) => {
      const { about, unit, number } = packed.columns[name];
      const heading = words(name) + (unit ? ` (${unit})` : "");
      return { name, heading, about, number, ...(changes[name] || {}) };
    });
  }

  /** What readers call an outcome, population or statistic of the ARD, and its contrasts and levels. */
  const nameIn = (ard) => (text) => (ard.labels[text] || (text === "–" || text === undefined ? text : words(text)));
  const levelName = (text) => text.replaceAll("_", " ").replace(" - ", " − ").replaceAll(":", " × ");

  const trail = (...parts) => element("p", { class: "trail" }, parts.flatMap((part, n) => (n ? [" › ", part] : [part])));
  const source = (path) => link(`../${path}`, path);

  async function numbers() {
    const ard = await need("ard");
    const say = nameIn(ard);
    const names = ["text", "analysis", "outcome", "contrast_or_level", "statistic", "role", "population", "n_participants", "n_units", "n_pairs"];
    const columns = columnsOf(ard, names, {
      text: { heading: "Number", cell: numberLink },
      analysis: { say: words, cell: (row) => rowsLink(row, words(row.analysis)) }, outcome: { say }, statistic: { say }, population: { say },
      contrast_or_level: { heading: "Contrast or level", say: levelName },
      n_participants: { heading: "Participants" }, n_units: { heading: "Motor units" }, n_pairs: { heading: "Pairs" },
    });
    const start = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
    return [table(columns, rowsOf(ard), {
      label: "All numbers", filters: ["analysis", "role", "outcome", "statistic"], start, source: "statistics/ard.tsv",
    })];
  }

  async function exclusions() {
    const packed = await need("exclusions");
    const columns = columnsOf(packed, Object.keys(packed.columns), {
      session: { cell: (row) => (row.session === "–" ? "–" : sessionLink(row.participant, row.session, row.session)) },
      ...Object.fromEntries(["stage", "what", "reason"].map((name) => [name, { say: words }])), count: { heading: "How many" },
    });
    return [table(columns, rowsOf(packed), {
      label: "Exclusions", filters: ["stage", "what", "reason", "participant", "session"], source: "analysis/exclusions.tsv",
    })];
  }

  async function number() {
    const ard = await need("ard");
    const wanted = location.hash.slice(1).split("|").map(decodeURIComponent);
    const say = nameIn(ard);
    const rows = new Map(rowsOf(ard).map((row) => [row.ard_id, row]));
    const parts = wanted.map((id) => {
      const row = rows.get(id);
      if (!row) return element("article", {}, element("p", { class: "warning" }, `There is no number ${id}.`));
      return element("article", {}, element("h2", {}, words(row.statistic)), element("p", { class: "big" }, row.text),
        row.warning === "–" ? null : element("p", { class: "warning" }, row.warning),
        facts([
          ["Name (ard_id)", element("code", {}, row.ard_id)], ["What it is", ard.statistics[row.statistic]], ["In full", row.value],
          ["Contrast or level", levelName(row.contrast_or_level)], ["Outcome", say(row.outcome)],
          ["Analysis", rowsLink(row, `${words(row.analysis)}: model record and analysis rows`)], ["Role", row.role], ["Population", say(row.population)],
          ["Participants", row.n_participants], ["Motor units", row.n_units], ["Pairs", row.n_pairs], ["Method", row.method],
          ["Degrees of freedom by", row.df_method], ["Family", say(row.family)], ["Adjustment", say(row.adjustment)],
          ["SHA-256 of the outcomes", element("code", {}, row.inputs_sha256)],
        ]));
    });
    const first = rows.get(wanted[0]);
    return [trail(link("numbers.html", "All numbers"), first ? link(`numbers.html#analysis=${encodeURIComponent(first.analysis)}`, words(first.analysis)) : "?"),
      element("h1", {}, first ? `${say(first.outcome)}, ${levelName(first.contrast_or_level)}` : "Number"), ...parts];
  }

  /** A record as nested lists of definitions. */
  function nested(value) {
    if (Array.isArray(value)) return value.length ? value.map((v) => (v && typeof v === "object" ? JSON.stringify(v) : String(v))).join("; ") : "none";
    if (typeof value === "number" && !Number.isInteger(value)) return String(Number(value.toPrecision(6))).replaceAll("-", "−");
    if (!value || typeof value !== "object") return String(value);
    const pairs = Object.entries(value);
    return pairs.length ? facts(pairs.map(([name, inner]) => [name.replaceAll("_", " "), nested(inner)])) : "none";
  }

  async function analysis() {
    const [name, outcome, level] = hashParts();
    const [analyses, ard] = await Promise.all([need("analyses"), need("ard")]);
    const own = rowsOf(ard).filter((row) => row.analysis === name);
    const known = analyses[name] || { planned: {}, record: {}, population: (own[0] || {}).population, sequences: null };
    const shown = outcome || (own[0] || {}).outcome;
    const planned = Object.entries(known.planned).filter(([, v]) => typeof v !== "object")
      .map(([key, v]) => [words(key), ard.labels[v] || (key === "method" ? words(v) : String(v))]);
    const record = Object.entries(known.record);
    const parts = [
      trail(link("numbers.html", "All numbers"), link(`numbers.html#analysis=${encodeURIComponent(name)}`, words(name))),
      element("h1", {}, `Analysis: ${words(name)}`), facts(planned),
      element("h2", {}, "Model record"),
      ...((known.record.warnings || []).map((text) => element("p", { class: "warning" }, text))),
      record.length ? nested(Object.fromEntries(record.filter(([key]) => key !== "warnings"))) : element("p", {}, "This part of the results leaves no record of a model."),
      record.length ? element("p", { class: "trail" }, source(`statistics/analyses/${name}.json`)) : null,
      element("h2", {}, "Numbers"),
      element("p", {}, link(`numbers.html#analysis=${encodeURIComponent(name)}`, `All ${own.length} numbers of this analysis`)),
    ];
    return [...parts, ...(await analysisRows(shown, level, known))];
  }

  async function analysisRows(outcome, level, known) {
    let packed;
    try {
      packed = await need(`outcome-${outcome}`);
    } catch {
      return [element("p", {}, "No single outcome is behind these numbers.")];
    }
    const inside = `in ${known.population}`;
    const rows = rowsOf(packed).filter((row) => !known.sequences || known.sequences.includes(row.sequence));
    const start = { [inside]: "yes" };
    if (rows.some((row) => row.condition === level)) start.condition = level;
    const names = ["participant", "session", "condition", "period", "unit_id", "value", "standard_error", "n_controls", "left_out_for"];
    const columns = columnsOf(packed, names, {
      unit_id: { heading: "Motor unit", cell: (row) => (row.unit_id === "–" ? sessionLink(row.participant, row.session, "the participant’s") : unitLink(row.participant, row.session, row.unit_id)) },
      session: { cell: (row) => sessionLink(row.participant, row.session, row.session) },
      n_controls: { heading: "Controls" },
    });
    columns.push({ name: inside, heading: "In the analysis", about: (packed.columns[inside] || {}).about });
    return [element("h2", {}, `Analysis rows: ${packed.label}`),
      table(columns, rows, { label: "Analysis rows", filters: ["participant", "session", "condition", inside], start, source: "analysis/outcomes.tsv" })];
  }

  const sessionData = (participant, session) => need(`sub-${participant}_ses-${session}`);

  function recordings(data) {
    const rows = rowsOf(data.recording_files);
    if (!rows.length) return [element("p", {}, "The tables name no recording of this session.")];
    const columns = columnsOf(data.recording_files, ["task", "file", "size", "sha256"], {
      file: { cell: (row) => element("code", {}, row.file) }, sha256: { heading: "SHA-256", cell: (row) => element("code", {}, row.sha256) },
    });
    return [table(columns, rows, { label: "Recordings", search: false })];
  }

  async function session() {
    const [participant, name] = hashParts();
    const data = await sessionData(participant, name);
    const units = rowsOf(data.units);
    const parts = [trail(link("recordings.html", "Recordings"), `Participant ${participant}`), element("h1", {}, `Participant ${participant}, session ${name}`),
      facts([["Condition", data.condition], ["Period", String(data.period)], ["Sequence", data.sequence],
        ["Signals", data.quality.map((href) => link(href, "Quality page"))],
        ["VibStim", data.vibstim_figure.map((href) => link(href, "Torque and EMG"))]].filter(([, v]) => v.length)),
      element("h2", { id: "recordings" }, "Recordings"), ...recordings(data)];
    if (units.length) {
      parts.push(element("h2", {}, "Discharges"), pictrial.raster(data.discharges), element("h2", {}, "Motor units"),
        table(columnsOf(data.units, Object.keys(data.units.columns), { unit_id: { heading: "Motor unit", cell: (row) => unitLink(participant, name, row.unit_id) } }),
          units, { label: "Motor units", search: false, source: "motor_units/units.tsv" }));
    }
    if (data.vibstim_outcomes && data.vibstim_outcomes.n) {
      parts.push(element("h2", {}, "VibStim"), table(columnsOf(data.vibstim_outcomes, Object.keys(data.vibstim_outcomes.columns)),
        rowsOf(data.vibstim_outcomes), { label: "VibStim", search: false, source: "vibstim/outcomes.tsv" }));
    }
    if (data.exclusions.n) {
      parts.push(element("h2", {}, "Left out"), table(columnsOf(data.exclusions, Object.keys(data.exclusions.columns)), rowsOf(data.exclusions),
        { label: "Left out", search: false, source: "analysis/exclusions.tsv" }));
    }
    return parts;
  }

  /** A criterion's value, and whether the pair meets it. */
  function judged(name, pass) {
    return { cell: (row) => {
      if (row[pass] === "–") return row[name];
      const met = row[pass] === "yes";
      const isFact = name === pass;
      return element("span", { class: met ? "pass" : "fail" }, isFact ? "" : `${row[name]} `, element("span", { "aria-hidden": "true" }, met ? "✓" : "✗"),
        element("span", { class: "hidden" }, met ? "pass" : "fail"));
    } };
  }

  function pairTable(participant, name, data, rows, other, overlay) {
    const criteria = ["recruitment_gap", "derecruitment_gap", "overlap_duration", "overlap_discharges", "correlation", "modulation"];
    const changes = Object.fromEntries(criteria.map((c) => [c, judged(c, `${c}_pass`)]));
    for (const fact of ["test_recruited_later", "test_stops_first"]) changes[fact] = judged(fact, fact);
    changes.saturation_margin = judged("saturation_margin", "saturation_pass");
    changes.passed = judged("passed", "passed");
    changes[other] = { heading: other === "control_unit" ? "Control" : "Test unit", cell: (row) => unitLink(participant, name, row[other]) };
    changes.delta_f = { heading: "ΔF (pps)" };
    changes.reason = { say: words };
    const columns = columnsOf(data.pairs, [other, "passed", "delta_f", "own_standard_error", "test_recruited_later", "test_stops_first", ...criteria, "saturation_margin", "reason"], changes);
    if (overlay) {
      columns.splice(1, 0, { name: "drawn", heading: "Draw", cell: (row) => {
        const button = element("button", { type: "button", "aria-label": `Draw the rate of ${row.control_unit}` }, "Draw");
        button.addEventListener("click", () => overlay(row.control_unit));
        return button;
      } });
    }
    return table(columns, rows, { label: `Pairs by ${words(other).toLowerCase()}`, filters: ["passed"], search: false, source: "motor_units/pairs.tsv" });
  }

  async function unit() {
    const [participant, name, unitId] = hashParts();
    const data = await sessionData(participant, name);
    const own = rowsOf(data.units).find((row) => row.unit_id === unitId);
    const trains = data.discharges;
    const heads = [trail(link("recordings.html", "Recordings"), sessionLink(participant, name, `Participant ${participant}, session ${name}`)),
      element("h1", {}, `Motor unit ${unitId}`), facts([["Condition", data.condition], ["Participant", participant], ["Session", name]])];
    if (!own) return [...heads, element("p", { class: "warning" }, "This motor unit was not found in this session."), element("h2", {}, "Recordings"), ...recordings(data)];
    const pairs = rowsOf(data.pairs);
    const asTest = pairs.filter((row) => row.test_unit === unitId);
    const asControl = pairs.filter((row) => row.control_unit === unitId);
    const plot = element("div");
    const draw = (control) => plot.replaceChildren(pictrial.rates(trains, unitId, control));
    draw((asTest.find((row) => row.passed === "yes") || {}).control_unit);
    const values = rowsOf(data.unit_delta_f).filter((row) => row.unit_id === unitId);
    const measures = columnsOf(data.units, Object.keys(data.units.columns)).filter((c) => c.name !== "unit_id").map((c) => [c.heading, own[c.name]]);
    return [...heads, element("h2", {}, "Discharges"), plot,
      element("h2", {}, "ΔF of the motor unit"),
      values.length ? table(columnsOf(data.unit_delta_f, ["aggregation", "delta_f", "standard_error", "n_controls", "sd"], { aggregation: { say: words }, delta_f: { heading: "ΔF (pps)" }, n_controls: { heading: "Controls" } }),
        values, { label: "ΔF of the motor unit", search: false, source: "motor_units/unit_delta_f.tsv" }) : element("p", {}, "No pair passed, so that there is none; the reasons are below."),
      element("h2", {}, "Pairs: as test unit, by control"), pairTable(participant, name, data, asTest, "control_unit", draw),
      element("h2", {}, "Pairs: as control, by test unit"), pairTable(participant, name, data, asControl, "test_unit", null),
      element("h2", {}, "Measures"), facts(measures), element("p", { class: "trail" }, source("motor_units/units.tsv")),
      element("h2", {}, "Recordings"), ...recordings(data)];
  }

  const pages = { numbers, exclusions, number, analysis, session, unit };

  async function open() {
    const page = pages[document.body.dataset.page];
    if (!page) return;
    try {
      content.replaceChildren(...(await page()).filter(Boolean));
    } catch (error) {
      content.replaceChildren(element("p", { class: "warning", role: "alert" }, error.message));
    }
    content.removeAttribute("aria-busy");
    const head = content.querySelector("h1");
    if (head) document.title = `${head.textContent} · ${document.querySelector(".trial").textContent}`;
  }

  window.addEventListener("hashchange", () => {
    if (location.hash === "#main") return; // the skip link
    open().then(() => scrollTo(0, 0));
  });
  addEventListener("DOMContentLoaded", open);
})();
