package web

import "net/http"

// widget is the script that puts the chat into a page of another site:
//
//	<script src="https://troly.example/widget.js" defer></script>
//
// Only the sites of the setting may show it; without any there is no script.
func (c *chat) widget(w http.ResponseWriter, r *http.Request) {
	if len(c.ancestors) == 0 {
		c.notFound(w, r, http.StatusNotFound)
		return
	}
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	w.Header().Set("Cache-Control", keepFor)
	c.look.assets["widget.js"].serve(w, r)
}
