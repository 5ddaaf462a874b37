package corpus

import (
	"fmt"
	"time"
)

// Date is a calendar day written YYYY-MM-DD; dates compare as strings. The empty
// Date means "not given": an open border.
type Date string

// ParseDate checks that s is a real day written YYYY-MM-DD.
func ParseDate(s string) (Date, error) {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return "", fmt.Errorf("date %q: write YYYY-MM-DD, for example 2026-11-23", s)
	}
	return Date(s), nil
}

// Today is the day of t in Vietnam (UTC+7, no daylight saving).
func Today(t time.Time) Date {
	return Date(t.In(time.FixedZone("ICT", 7*60*60)).Format(time.DateOnly))
}

// String writes the date as people here do, dd/mm/yyyy; "" stays "".
func (d Date) String() string {
	if len(d) != len(time.DateOnly) {
		return string(d)
	}
	return string(d[8:10] + "/" + d[5:7] + "/" + d[0:4])
}

// Days is the number of days from d to other; 0 when either is not a date.
func (d Date) Days(other Date) int {
	a, errA := time.Parse(time.DateOnly, string(d))
	b, errB := time.Parse(time.DateOnly, string(other))
	if errA != nil || errB != nil {
		return 0
	}
	return int(b.Sub(a).Hours() / 24)
}

// Within reports whether d lies in [from, to], both inclusive, either open.
func (d Date) Within(from, to Date) bool {
	return (from == "" || d >= from) && (to == "" || d <= to)
}
