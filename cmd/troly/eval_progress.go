package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"troly/internal/evaluation"
)

// evalProgress draws a bar with rate, errors and time left when stderr is a
// terminal, at most ten times a second; without one it returns nil.
func (c *console) evalProgress() func(evaluation.Progress) {
	width, ok := terminal(c.err)
	if !ok {
		return nil
	}
	var drawn time.Time
	return func(p evaluation.Progress) {
		if now := time.Now(); now.Sub(drawn) > 100*time.Millisecond || p.Done == p.Total {
			drawn = now
			fmt.Fprintf(c.err, "\r\x1b[K%s", progressLine(p, width))
		}
	}
}

// endProgress leaves the bar on a line of its own.
func (c *console) endProgress() {
	if _, ok := terminal(c.err); ok {
		_, _ = io.WriteString(c.err, "\n")
	}
}

// progressLine is the bar: [#####.....] 120/400 35/s, 2 errors, 8s left.
func progressLine(p evaluation.Progress, width int) string {
	text := fmt.Sprintf(" %d/%d", p.Done, p.Total)
	if s := p.Elapsed.Seconds(); s > 0 {
		text += fmt.Sprintf(" %.0f/s", float64(p.Done-p.Kept)/s)
	}
	if p.Errors > 0 {
		text += fmt.Sprintf(", %d errors", p.Errors)
	}
	if p.Tokens > 0 {
		text += fmt.Sprintf(", %d tokens", p.Tokens)
	}
	if p.Done < p.Total && p.Left > 0 {
		text += fmt.Sprintf(", %s left", p.Left.Round(time.Second))
	}
	cells := max(10, width-len(text)-3)
	filled := cells * p.Done / max(p.Total, 1)
	return "[" + strings.Repeat("#", filled) + strings.Repeat(".", cells-filled) + "]" + text
}
