// Brings an open page up to date: the server says that something is new, the page fetches itself again.
(() => {
  const main = document.querySelector("main[data-live]");
  if (!main || !window.EventSource) return;
  let busy = false, again = false, shown = main.innerHTML;
  const refresh = async () => {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-cache" });
      if (answer.ok && !answer.redirected) {
        const next = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
        if (next && next.innerHTML !== shown) {
          const focused = main.contains(document.activeElement) && document.activeElement.getAttribute("href");
          shown = next.innerHTML;
          main.replaceChildren(...next.childNodes);
          if (focused) main.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
        }
      }
    } catch { /* The next change, or the next minute, tries again. */ }
    busy = false;
    if (again) { again = false; setTimeout(refresh, 1000); }
  };
  const source = new EventSource("/live");
  source.addEventListener("change", refresh);
  // Without the stream the page is fetched once a minute.
  setInterval(() => { if (source.readyState === EventSource.CLOSED && !document.hidden) refresh(); }, 60000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
})();
