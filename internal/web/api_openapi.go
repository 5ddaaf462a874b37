package web

import (
	_ "embed"
	"net/http"
)

//go:embed openapi.json
var openAPI []byte

// describe gives the description of the API that programs are made from.
func (a *api) describe(w http.ResponseWriter, r *http.Request) { serveOpen(w, r, a.describes) }
