// A recall that is under way is looked at again from time to time. Without this script
// the page has a link for it.
(function () {
  "use strict";
  async function look() {
    const old = document.querySelector("#tien-do[data-running]");
    if (!old) return;
    try {
      const reply = await fetch(location.pathname, { headers: { Accept: "text/html" } });
      const fresh = reply.ok && new DOMParser().parseFromString(await reply.text(), "text/html").querySelector("#tien-do");
      if (fresh && !("running" in fresh.dataset)) { location.reload(); return; } // with what can be done next
      if (fresh) old.replaceWith(fresh);
    } catch { /* the network is away: later */ }
    setTimeout(look, 2000);
  }
  setTimeout(look, 2000);
})();
