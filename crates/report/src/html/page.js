(() => {
  "use strict";
  const make = (name, text, properties = {}) =>
    Object.assign(document.createElement(name), { textContent: text }, properties);

  const root = document.documentElement;
  const theme = document.getElementById("theme");
  const themes = { "": "as the system", light: "light", dark: "dark" };
  const show = (name) => {
    if (name) root.dataset.theme = name;
    else delete root.dataset.theme;
    theme.textContent = "Theme: " + themes[name];
  };
  let kept = "";
  try { kept = localStorage.getItem("tribunal-theme") || ""; } catch { /* Nothing is kept where nothing may be. */ }
  show(kept in themes ? kept : "");
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const names = Object.keys(themes);
    const next = names[(names.indexOf(root.dataset.theme || "") + 1) % names.length];
    show(next);
    try { localStorage.setItem("tribunal-theme", next); } catch { /* As above. */ }
  });

  const value = (row, column) => {
    const cell = row.cells[column];
    if (cell.dataset.sort !== undefined) return Number(cell.dataset.sort);
    return cell.classList.contains("n") ? undefined : cell.textContent;
  };
  // What has no value stays last, whichever way the others go.
  const order = (a, b, way) => {
    if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
    return way * (typeof a === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));
  };
  const sort = (table, column, way) => {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    rows.sort((a, b) => order(value(a, column), value(b, column), way));
    body.append(...rows);
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = make("button", head.textContent, { type: "button" });
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        sort(table, column, down ? -1 : 1);
      });
    });
    const words = make("input", "", { type: "search" });
    const only = make("input", "", { type: "checkbox" });
    const told = make("output", "");
    const filter = () => {
      const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of table.tBodies[0].rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !(wanted.every((word) => text.includes(word)) && (!only.checked || row.dataset.valid === "yes"));
        shown += !row.hidden;
      }
      told.textContent = shown + " of " + table.tBodies[0].rows.length + " shown";
    };
    const label = (text, input) => { const around = make("label", text + " "); around.append(input); return around; };
    const tools = make("div", "", { className: "tools" });
    tools.append(label("Filter", words), label("Only cells with a valid trial", only), told);
    table.parentElement.before(tools);
    words.addEventListener("input", filter);
    only.addEventListener("change", filter);
    filter();
  }

  for (const choices of document.querySelectorAll(".choices")) {
    const boxes = [...choices.querySelectorAll("input")];
    for (const [text, checked] of [["All", true], ["None", false]]) {
      const button = make("button", text, { type: "button", className: "tool" });
      button.addEventListener("click", () => boxes.forEach((box) => { box.checked = checked; }));
      choices.append(button);
    }
  }

  const plan = document.getElementById("plan");
  if (plan) {
    const button = make("button", "Copy the plan", { type: "button", className: "tool" });
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(plan.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(plan);
        button.textContent = "Selected: copy it by hand";
      }
    });
    plan.before(button);
  }
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((fold) => { fold.open = true; }));
})();
