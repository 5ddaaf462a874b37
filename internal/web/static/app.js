// Everything here works without this script, by forms. With it, answers are shown
// while they are written and the page is not loaded anew.
(function () {
  "use strict";
  const one = (selector, within) => (within || document).querySelector(selector);
  const all = (selector, within) => (within || document).querySelectorAll(selector);
  const reveal = (within) => all("[data-print],[data-copy],[data-copy-link]", within).forEach((b) => { b.hidden = false; });
  reveal();

  async function copy(button, text) {
    const before = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Đã sao chép";
    } catch {
      button.textContent = "Không sao chép được";
    }
    setTimeout(() => { button.textContent = before; }, 2000);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if ("print" in button.dataset) window.print();
    else if ("copyLink" in button.dataset) copy(button, location.href);
    else if ("copy" in button.dataset) {
      const reply = button.closest(".reply");
      const parts = [one(".words", reply), one(".sources", reply)];
      copy(button, parts.filter(Boolean).map((p) => p.innerText.trim()).join("\n\n"));
    }
  });

  const log = one("#hoi-thoai");
  if (!log) return;
  // In a frame the page around it does not hear of the key that closes it. The word is no
  // secret: whoever shows the frame may hear it.
  if (document.body.classList.contains("frame")) {
    document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !event.isComposing) parent.postMessage("troly-dong", "*"); });
  }
  const box = one("#q"), composer = one("#hoi"), news = one("#tin");
  let busy = false;
  const newest = one("#moi-nhat"); // who comes back sees what was said last
  if (newest && !location.hash && !scrollY) newest.scrollIntoView({ block: "start" });

  const grow = () => { box.style.height = "auto"; box.style.height = Math.min(box.scrollHeight + 2, 160) + "px"; };
  box.addEventListener("input", grow);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      composer.requestSubmit();
    }
  });

  // key names a question, so that one that is sent twice is answered once.
  function key() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!("chat" in form.dataset)) return;
    event.preventDefault();
    const fields = new URLSearchParams(new FormData(form, event.submitter));
    fields.set("khoa", key());
    const pressed = event.submitter && event.submitter.name ? event.submitter.textContent : "";
    if (!pressed && !(fields.get("q") || "").trim()) { box.focus(); return; }
    if (busy) { news.textContent = "Đang trả lời câu trước, bạn chờ một chút."; return; }
    if (!pressed) { box.value = ""; grow(); }
    ask(fields, pressed || fields.get("q"), Boolean(pressed));
  });

  async function ask(fields, said, pressed) {
    busy = true;
    log.setAttribute("aria-busy", "true");
    news.textContent = "Đang tìm câu trả lời…";
    const examples = one(".examples");
    if (examples) examples.remove();
    all(".notice[role=alert]").forEach((n) => n.remove());
    const anew = ["moi", "xoa"].includes(fields.get("lenh"));
    let turn = one("#mau-hoi").content.firstElementChild.cloneNode(true);
    one(".mine", turn).textContent = said;
    log.append(turn);
    turn.scrollIntoView({ block: "start" });
    const written = one(".reply", turn);
    let shown = "";
    try {
      const reply = await fetch("/chat", { method: "POST", body: fields, headers: { Accept: "text/event-stream" } });
      if (!reply.ok) throw reply.status;
      let done = false;
      await events(reply.body, (event, data) => {
        if (event === "delta") {
          shown += data.text;
          written.classList.add("live");
          written.textContent = shown;
        } else if (event === "turn") {
          const drawn = fragment(data.html), first = drawn.firstElementChild; // others may have said something behind it
          if (anew) log.replaceChildren(drawn);
          else turn.replaceWith(drawn);
          turn = first;
          done = true;
          if (data.handed) look();
        }
      });
      if (!done) throw 0;
      news.textContent = "";
    } catch (status) {
      failed(written, status, () => { turn.remove(); ask(fields, said, pressed); });
    }
    log.removeAttribute("aria-busy");
    busy = false;
    // The button that was pressed may be gone; who typed goes on typing.
    if (pressed) turn.focus({ preventScroll: true });
    turn.scrollIntoView({ block: "start" });
  }

  function failed(place, status, again) {
    place.classList.remove("live");
    place.replaceChildren();
    const words = document.createElement("p");
    words.textContent = status === 429 ? "Nhiều câu hỏi quá trong một lúc. Bạn chờ một phút rồi thử lại nhé."
      : status === 503 ? "Lúc này đông người hỏi quá. Bạn chờ vài giây rồi thử lại nhé."
      : status === 413 ? "Câu hỏi dài quá. Bạn viết ngắn lại giúp tôi."
      : "Chưa nhận được câu trả lời. Bạn kiểm tra mạng rồi thử lại nhé.";
    const retry = document.createElement("button");
    retry.type = "button";
    retry.textContent = "Thử lại";
    retry.addEventListener("click", again);
    place.append(words, retry);
    news.textContent = words.textContent;
  }

  // fragment is what the server drew; it escapes every text.
  function fragment(html) {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    reveal(holder.content);
    return holder.content;
  }

  // letters shows what others said since, an officer or a correction, and reports whether
  // there was something.
  let looked = Date.now();
  async function letters() {
    if (document.hidden || busy) return false;
    looked = Date.now();
    try {
      const reply = await fetch("/chat/thu", { method: "POST", body: new URLSearchParams(new FormData(one("#nut"))) });
      const html = reply.ok ? (await reply.json()).html : "";
      if (html) log.append(fragment(html));
      return Boolean(html);
    } catch { return false; /* the network is away: later */ }
  }
  // Who waits for a human looks from time to time, more often at first; everybody else
  // when they come back to the page.
  let looking = 0, wait = 0;
  function look() {
    wait = 5000;
    clearTimeout(looking);
    looking = setTimeout(lookAgain, wait);
  }
  async function lookAgain() {
    wait = await letters() ? 5000 : Math.min(wait * 1.3, 60000);
    looking = setTimeout(lookAgain, wait);
  }
  if ("handed" in log.dataset) look();
  document.addEventListener("visibilitychange", () => { if (one(".turn", log) && Date.now() - looked > 60000) letters(); });

  // events reads server-sent events from a body.
  async function events(body, take) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      for (const part of parts) {
        let event = "message", data = "";
        for (const line of part.split("\n")) {
          if (line.startsWith("event: ")) event = line.slice(7);
          else if (line.startsWith("data: ")) data += line.slice(6);
        }
        if (data) take(event, JSON.parse(data));
      }
    }
  }
})();
