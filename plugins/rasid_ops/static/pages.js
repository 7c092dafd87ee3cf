// The pages lie in a frame of Airflow's UI, same origin: they take its language and its theme, and
// lead links out of the frame through the parent, since the sandbox lets no frame do so itself.
"use strict";
(() => {
  const root = document.documentElement;
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  if (parent !== self) root.style.setProperty("--ground", getComputedStyle(parent.document.body).backgroundColor);
  const language = (localStorage.getItem("i18nextLng") || "").startsWith("ar") ? "ar" : "en";
  if (localStorage.getItem("i18nextLng") && language !== root.lang) {
    document.cookie = `rasid_lang=${language}; path=/; samesite=lax`;
    if (document.cookie.includes(`rasid_lang=${language}`)) location.reload();
  }
  addEventListener("storage", ({ key }) => {
    if (key === "theme" || key === "i18nextLng") location.reload();
  });

  addEventListener("DOMContentLoaded", () => {
    for (const link of document.querySelectorAll("[data-out]")) {
      if (parent === self) { link.target = link.dataset.out; continue; }
      link.addEventListener("click", (event) => {
        event.preventDefault();
        const outer = parent.document.createElement("a");
        outer.href = link.href;
        outer.rel = "noopener noreferrer";
        if (link.dataset.out === "_blank") outer.target = "_blank";
        outer.click();
      });
    }

    for (const table of document.querySelectorAll("table.sortable")) {
      const heads = [...table.tHead.rows[0].cells];
      heads.forEach((head, column) => {
        const button = document.createElement("button");
        button.type = "button";
        button.append(...head.childNodes);
        head.append(button);
        button.addEventListener("click", () => {
          const down = head.ariaSort === "ascending";
          for (const other of heads) other.removeAttribute("aria-sort");
          head.setAttribute("aria-sort", down ? "descending" : "ascending");
          const key = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent;
          const compare = new Intl.Collator(root.lang, { numeric: true }).compare;
          const rows = [...table.tBodies[0].rows].sort((a, b) => compare(key(a), key(b)));
          table.tBodies[0].append(...(down ? rows.reverse() : rows));
        });
      });
    }

    for (const input of document.querySelectorAll("[data-filter]")) {
      const rows = [...document.getElementById(input.dataset.filter).tBodies[0].rows];
      input.addEventListener("input", () => {
        const wanted = input.value.toLocaleLowerCase();
        for (const row of rows) row.hidden = !row.textContent.toLocaleLowerCase().includes(wanted);
      });
    }

    for (const lines of document.querySelectorAll("[data-lines]")) {
      lines.parentElement.addEventListener("toggle", async () => {
        if (!lines.textContent) lines.textContent = await (await fetch(lines.dataset.lines)).text();
      }, { once: true });
    }

    for (const button of document.querySelectorAll("[data-replay]")) {
      const says = button.parentElement.querySelector("output");
      button.addEventListener("click", async () => {
        button.disabled = true;
        const answer = await fetch("/api/v2/dags/replay_quarantine/dagRuns", {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ logical_date: null, conf: JSON.parse(button.dataset.replay) }),
        });
        const said = await answer.json().catch(() => ({}));
        if (answer.ok) says.textContent = `${says.dataset.started}: ${said.dag_run_id}`;
        else if (answer.status === 403) says.textContent = says.dataset.forbidden;
        else says.textContent = `${says.dataset.failed}: ${answer.status} ${JSON.stringify(said.detail ?? "")}`;
        button.disabled = false;
      });
    }
  });
})();
