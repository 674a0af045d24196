// Keys for lists, and word of what is new. Every page works without this file.
"use strict";
(() => {
  const rows = () => [...document.querySelectorAll("[data-row]")];
  let at = -1;
  const go = (step) => {
    const all = rows();
    if (!all.length) return;
    if (at >= 0 && all[at]) all[at].classList.remove("at");
    at = Math.max(0, Math.min(all.length - 1, at + step));
    all[at].classList.add("at");
    const link = all[at].querySelector("a");
    if (link) link.focus({ preventScroll: true });
    all[at].scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select");
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.id === "sql") {
      event.target.form.requestSubmit();
    }
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "j") go(1);
    else if (event.key === "k") go(-1);
    else if (event.key === "g") location.assign("/incidents");
    else if (event.key === "/") {
      const search = document.querySelector("input[type=search]");
      if (search) { event.preventDefault(); search.focus(); search.select(); }
    }
  });
  const fresh = document.querySelector("[data-pulse]");
  if (fresh) {
    let known = null;
    const look = async () => {
      if (document.hidden) return;
      try {
        const answer = await fetch(fresh.dataset.pulse, { redirect: "error" });
        if (!answer.ok) return;
        const { change } = await answer.json();
        if (known !== null && change !== known) {
          fresh.textContent = "";
          const link = document.createElement("a");
          link.href = location.href;
          link.textContent = "Something changed: show it";
          fresh.append(link);
        }
        if (known === null) known = change;
      } catch { /* the sensor is away, or somebody signed out: the next page says so */ }
    };
    look();
    setInterval(look, 15000);
  }
})();
