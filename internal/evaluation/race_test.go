//go:build race

package evaluation_test

// underRace: the race detector is on.
const underRace = true
