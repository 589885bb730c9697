// Draws the figures of a page when they come into view, in the colours of the theme.
"use strict";
(() => {
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  // a colour is written "@name" in the data; nothing else is touched
  const coloured = (value, key) => {
    if (Array.isArray(value)) return value.map((item) => coloured(item, ""));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, coloured(v, k)]));
    }
    return (key === "color" || key === "fillcolor") && typeof value === "string" && value[0] === "@" ? token(value.slice(1)) : value;
  };
  const axis = (given) => ({
    gridcolor: token("line"), linecolor: token("muted"), zerolinecolor: token("muted"), zerolinewidth: 1,
    tickfont: { color: token("soft") }, automargin: true, fixedrange: true,
    ...given, title: { font: { color: token("soft"), size: 13 }, standoff: 10, ...(given || {}).title },
  });
  function draw(place) {
    const figure = JSON.parse(place.querySelector("script").textContent);
    const narrow = place.clientWidth < 480;
    const layout = coloured(figure.layout, "");
    if (narrow && layout.yaxis && layout.yaxis.ticktext) {
      layout.yaxis.ticktext = layout.yaxis.ticktext.map((text) => text.replace(/ x /, "<br>").replace(/ \(/, "<br>("));
      layout.yaxis.tickfont = { size: 10, color: token("soft") };
      layout.height += 12 * layout.yaxis.ticktext.length;
    }
    const target = place.querySelector(".drawn") || place.appendChild(document.createElement("div"));
    target.className = "drawn";
    Plotly.react(target, coloured(figure.data, ""), {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: true,
      font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: token("ink") },
      margin: { l: 56, r: 16, t: 16, b: 48 },
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
      hoverlabel: { bgcolor: token("raised"), bordercolor: token("muted"), font: { color: token("ink") } },
      ...layout, xaxis: axis(layout.xaxis), yaxis: axis(layout.yaxis),
    }, { displayModeBar: false, responsive: true, displaylogo: false });
    place.dataset.drawn = "yes";
  }
  const places = [...document.querySelectorAll(".plot")];
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) { seen.unobserve(entry.target); draw(entry.target); }
    }
  }, { rootMargin: "300px" });
  places.forEach((place) => seen.observe(place));
  const again = () => places.filter((place) => place.dataset.drawn).forEach(draw);
  window.harness.onTheme(again);
})();
