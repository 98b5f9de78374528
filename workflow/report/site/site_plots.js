/* Discharges as a raster, and as rates with those of a control. */
"use strict";

(() => {
  const WIDTH = 960;
  const LEFT = 56;

  function draw(name, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text) made.textContent = text;
    return made;
  }

  const largest = (values) => values.reduce((a, b) => Math.max(a, b), 0);

  /** An empty plot with an axis of time in s; returns it and the place of an instant. */
  function frame(height, end, label) {
    const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${height + 34}`, class: "plot", role: "img", "aria-label": label });
    const x = (time) => LEFT + (time / end) * (WIDTH - LEFT - 8);
    svg.append(draw("line", { class: "axis", x1: LEFT, x2: WIDTH - 8, y1: height, y2: height }));
    const step = end > 40 ? 10 : 5;
    for (let time = 0; time <= end; time += step) {
      svg.append(draw("text", { x: x(time), y: height + 15, "text-anchor": "middle" }, `${time}`));
    }
    svg.append(draw("text", { x: WIDTH / 2, y: height + 31, "text-anchor": "middle" }, "Time (s)"));
    return [svg, x];
  }

  pictrial.raster = (trains) => {
    const names = Object.keys(trains).sort((a, b) => trains[a][0] - trains[b][0]);
    const end = Math.ceil(largest(names.map((name) => largest(trains[name])))) + 1;
    const [svg, x] = frame(names.length * 16 + 6, end, `Discharges of ${names.length} motor units, in order of recruitment`);
    names.forEach((name, row) => {
      const path = trains[name].map((time) => `M${x(time).toFixed(1)} ${row * 16 + 4}v11`).join("");
      svg.append(draw("text", { x: LEFT - 8, y: row * 16 + 14, "text-anchor": "end" }, name), draw("path", { class: "tick", d: path }));
    });
    return svg;
  };

  pictrial.rates = (trains, unit, control) => {
    const own = trains[unit] || [];
    const shown = [[unit, "own"], ...(control ? [[control, "other"]] : [])];
    const points = shown.map(([name, kind]) => [kind, (trains[name] || []).slice(1).map((time, n) => [(time + trains[name][n]) / 2, 1 / (time - trains[name][n])])]);
    const end = Math.ceil(largest(Object.values(trains).map(largest))) + 1;
    const top = Math.min(50, Math.ceil(largest(points.flatMap(([, all]) => all.map(([, rate]) => rate))) / 5) * 5) || 5;
    const label = `Discharge rate of ${unit}${control ? `, and of its control ${control}` : ""}; lines: first and last discharge of ${unit}`;
    const [svg, x] = frame(240, end, label);
    const y = (rate) => 240 - (Math.min(rate, top) / top) * 208;
    for (let rate = 0; rate <= top; rate += top > 20 ? 10 : 5) {
      svg.append(draw("text", { x: LEFT - 8, y: y(rate) + 4, "text-anchor": "end" }, `${rate}`));
    }
    svg.append(draw("text", { x: 4, y: 10 }, "Rate (pps)"));
    for (const time of own.length ? [own[0], own[own.length - 1]] : []) {
      svg.append(draw("line", { class: "mark", x1: x(time), x2: x(time), y1: 20, y2: 240 }));
    }
    for (const [kind, all] of points.reverse()) {
      svg.append(...all.map(([time, rate]) => draw("circle", { class: kind, cx: x(time).toFixed(1), cy: y(rate).toFixed(1), r: 2.4 })));
    }
    const caption = document.createElement("figcaption");
    caption.textContent = `${label}. Each point is one over an interval, at its middle; points above the axis stand on its edge. Blue: ${unit}${control ? `; orange: ${control}` : ""}.`;
    const figure = document.createElement("figure");
    figure.append(svg, caption);
    return figure;
  };
})();
