// One script tag on a page of the province opens the assistant in a corner. The page
// is another site's: nothing of it is read, and no style sheet of it is relied on.
(function () {
  "use strict";
  var script = document.currentScript;
  if (!script || document.getElementById("troly-mo")) return;
  var origin = new URL(script.src).origin, frame = null;
  function set(element, styles) { for (var name in styles) element.style.setProperty(name, styles[name]); }
  var box = document.createElement("div");
  set(box, { position: "fixed", right: "16px", bottom: "16px", "z-index": "2147483000", display: "flex", "flex-direction": "column", "align-items": "flex-end", gap: "8px", "max-width": "calc(100vw - 32px)" });
  var button = document.createElement("button");
  button.id = "troly-mo";
  button.type = "button";
  button.textContent = "Hỏi trợ lý AI";
  button.setAttribute("aria-expanded", "false");
  set(button, { font: "600 16px/1.3 system-ui, sans-serif", padding: "12px 18px", "min-height": "48px", border: "2px solid #fff", "border-radius": "24px", background: "#0a5a9c", color: "#fff", cursor: "pointer", "box-shadow": "0 2px 10px rgba(0,0,0,.3)" });
  function open() {
    if (!frame) {
      frame = document.createElement("iframe");
      frame.src = origin + "/?khung=1";
      frame.title = "Trợ lý số Yên Bái (AI)";
      set(frame, { width: "400px", height: "600px", "max-width": "calc(100vw - 32px)", "max-height": "calc(100vh - 96px)", border: "1px solid #7b8894", "border-radius": "12px", background: "#fff", "color-scheme": "normal" });
      box.insertBefore(frame, button);
    }
    set(frame, { display: "block" });
    button.textContent = "Đóng trợ lý";
    button.setAttribute("aria-expanded", "true");
    frame.focus();
  }
  function close() {
    set(frame, { display: "none" });
    button.textContent = "Hỏi trợ lý AI";
    button.setAttribute("aria-expanded", "false");
    button.focus();
  }
  button.addEventListener("click", function () { isOpen() ? close() : open(); });
  function isOpen() { return frame && frame.style.display !== "none"; }
  document.addEventListener("keydown", function (event) { if (event.key === "Escape" && isOpen()) close(); });
  window.addEventListener("message", function (event) { // Escape was pressed inside
    if (isOpen() && event.source === frame.contentWindow && event.origin === origin && event.data === "troly-dong") close();
  });
  box.appendChild(button);
  document.body ? document.body.appendChild(box) : document.addEventListener("DOMContentLoaded", function () { document.body.appendChild(box); });
})();
