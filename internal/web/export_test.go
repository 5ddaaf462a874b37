package web

import (
	"maps"
	"slices"
)

// Routes are the ways to call the API, as method and path.
func Routes(opts Options) []string {
	var list []string
	for _, r := range newAPI(opts, nil, nil).routes() {
		list = append(list, r.method+" "+r.path)
	}
	return list
}

// ConsoleRoutes are the routes of the console, as patterns of a mux.
func ConsoleRoutes(opts Options) []string {
	s := &server{assistant: opts.Assistant, log: opts.Log, guard: newGuard(opts), now: opts.Now, library: opts.Library, known: newKnown(opts.Library), look: newLook()}
	c := newConsole(s, *opts.Console)
	list := slices.Collect(maps.Keys(c.openRoutes()))
	for _, r := range c.routes() {
		list = append(list, r.pattern)
	}
	return list
}

// HashToken is what is kept of the token of a session.
var HashToken = hashToken

// AssetAddress is where a file of the pages is served.
func AssetAddress(name string) string { return must(newLook().address(name)) }
