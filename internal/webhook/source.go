package webhook

import (
	"strings"
	"time"
)

// Heading is the section as people read it; empty when only its ID ("le-phi") is
// known.
func (s Source) Heading() string {
	heading := strings.Join(strings.Fields(s.Section), " ")
	if !strings.ContainsFunc(heading, func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-') }) {
		return ""
	}
	return heading
}

// Day is the day it was checked as people read it, "03/11/2026"; empty when it is none.
func (s Source) Day() string {
	day, err := time.Parse(time.DateOnly, s.Checked)
	if err != nil {
		return ""
	}
	return day.Format("02/01/2006")
}

// NamedBefore reports of each source whether one before it is of the same document,
// whose name, address and day then need not be told again.
func NamedBefore(list []Source) []bool {
	type document struct{ title, url string }
	named, before := make(map[document]bool), make([]bool, len(list))
	for i, s := range list {
		d := document{s.Title, s.URL}
		before[i], named[d] = named[d], true
	}
	return before
}
