/* Loading data on demand, and small helpers. Scripts load from a folder without a server; other files do not. */
"use strict";

const pictrial = (() => {
  const waiting = new Map();
  const scripts = new Map();

  /** Called by the scripts in data/. */
  function arrived(key, content) {
    waiting.get(key)(content);
  }

  /** Promise of the content of data/<key>.js. */
  function need(key) {
    if (!scripts.has(key)) {
      scripts.set(key, new Promise((resolve, reject) => {
        waiting.set(key, resolve);
        const script = document.createElement("script");
        script.src = `data/${encodeURIComponent(key)}.js`;
        script.onerror = () => reject(new Error(`There is no data/${key}.js.`));
        document.head.append(script);
      }));
    }
    return scripts.get(key);
  }

  /** An element with attributes and children; children may be texts, and null is left out. */
  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value !== null && value !== undefined) made.setAttribute(key, value);
    }
    made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
    return made;
  }

  const link = (href, text, hidden = "") =>
    element("a", { href }, text, hidden ? element("span", { class: "hidden" }, hidden) : null);

  /** Names and contents as a list of definitions; what is empty is left out. */
  function facts(pairs) {
    const rows = pairs.filter(([, value]) => value !== "" && value !== null && value !== undefined && value !== "–");
    return element("dl", { class: "facts" }, rows.map(([name, value]) =>
      [element("dt", {}, name), element("dd", {}, ...[value].flat())]));
  }

  /** A packed table as objects, one for each row. */
  function rowsOf(table) {
    const columns = Object.entries(table.columns);
    return Array.from({ length: table.n }, (_, row) =>
      Object.fromEntries(columns.map(([name, c]) => [name, c.levels[c.codes[row]]])));
  }

  /** The name of a column or setting as words. */
  function words(name) {
    const plain = name.replace(/^n_(?=missing|lost|gained|in$|kept|exposed|with_)/, "number ").replace(/^n_/, "number of ").replaceAll("_", " ");
    const spelled = plain.replace(/\b(isi|sd|df|reml|ci|icc)\b/g, (short) => short.toUpperCase().replace("DF", "df")).replace(/\bcov\b/, "CoV");
    return spelled.charAt(0).toUpperCase() + spelled.slice(1);
  }

  /** A text with the project's signs as a number, for sorting; a dash is below all. */
  function numeric(text) {
    const plain = text.replace("−", "-");
    const power = plain.match(/^(.*) × 10(.*)$/);
    if (!power) return plain === "–" ? -Infinity : plain.includes("∞") ? (plain[0] === "-" ? -1e308 : Infinity) : Number(plain);
    const exponent = [...power[2]].map((sign) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(sign)).map((n) => (n ? String(n - 1) : "-")).join("");
    return Number(power[1]) * 10 ** Number(exponent);
  }

  const hashParts = () => location.hash.slice(1).split("/").map(decodeURIComponent);
  const hashOf = (...parts) => `#${parts.map(encodeURIComponent).join("/")}`;

  return { arrived, need, element, link, facts, rowsOf, words, numeric, hashParts, hashOf };
})();
