//go:build !race

package main

// underRace: the race detector is on.
const underRace = false
