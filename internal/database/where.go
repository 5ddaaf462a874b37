package database

import (
	"strings"
	"time"
)

// conditions make the WHERE of a listing.
type conditions struct {
	terms []string
	args  []any
}

func (c *conditions) add(term string, args ...any) {
	c.terms = append(c.terms, term)
	c.args = append(c.args, args...)
}

// text asks for a column to be equal, unless value is empty.
func (c *conditions) text(column, value string) {
	if value != "" {
		c.add(column+" = ?", value)
	}
}

// among asks for a column to be one of the values, unless there are none.
func among[S ~string](c *conditions, column string, values []S) {
	if len(values) == 0 {
		return
	}
	var args []any
	for _, v := range values {
		args = append(args, string(v))
	}
	c.add(column+" IN (?"+strings.Repeat(", ?", len(values)-1)+")", args...)
}

// holds asks for a text to be somewhere in a column. LIKE would do it too, but for
// its wildcards, its idea of case, which differs, and a longest pattern.
func (c *conditions) holds(column, text string) {
	c.add("replace("+column+", ?, '') <> "+column, text)
}

// period asks for from <= column < to; a zero time is no bound.
func (c *conditions) period(column string, from, to time.Time) {
	if !from.IsZero() {
		c.add(column+" >= ?", millis(from))
	}
	if !to.IsZero() {
		c.add(column+" < ?", millis(to))
	}
}

func (c *conditions) where() string {
	if len(c.terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.terms, " AND ")
}

func (c *conditions) with(args ...any) []any { return append(c.args, args...) }

// limit of a listing: 100 unless asked for less or more, 1,000 at most.
func limit(n int) int {
	if n <= 0 {
		return 100
	}
	return min(n, 1000)
}
