// Loaded before the page is painted, so that a chosen theme never flashes.
"use strict";
try {
  const chosen = localStorage.getItem("harness-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch { /* storage may be closed to file:// pages: the system's scheme stands */ }
