//go:build race

package pipeline_test

// underRace: the race detector is on.
const underRace = true
