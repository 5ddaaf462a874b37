package web

// Routes are the ways to call the API, as method and path.
func Routes(opts Options) []string {
	var list []string
	for _, r := range newAPI(opts, nil).routes() {
		list = append(list, r.method+" "+r.path)
	}
	return list
}
