package web

import (
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// inputTime is a time as a field for date and time holds it.
func inputTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(vietnamTime).Format("2006-01-02T15:04")
}

// readTime reads what inputTime writes, or a day; the zero time for anything else.
func readTime(s string) time.Time {
	for _, layout := range []string{"2006-01-02T15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, strings.TrimSpace(s), vietnamTime); err == nil {
			return t
		}
	}
	return time.Time{}
}

// readEnd reads the last day of a period and returns the moment after it; the zero time
// for what readTime cannot read.
func readEnd(s string) time.Time {
	day := readTime(s)
	if day.IsZero() {
		return day
	}
	return day.AddDate(0, 0, 1)
}

// written is a text of a form as staff wrote it, with its lines: NFC, no control
// characters but ends of lines.
func written(s string) string {
	s = strings.ReplaceAll(norm.NFC.String(strings.ToValidUTF8(s, "")), "\r\n", "\n")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f {
			return -1
		}
		return r
	}, s))
}

// long reports whether a text has more letters than its form takes.
func long(s string, most int) bool { return utf8.RuneCountInString(s) > most }

// reason of an act, without personal data: it stays in the audit log.
func reason(r *http.Request) string { return clip(clean(r.PostForm.Get("ly-do")), 500) }

// with is the address of a page with some fields of the query changed; empty ones go.
func with(path string, q url.Values, changes ...string) string {
	next := make(url.Values)
	for k, v := range q {
		if k != "xong" {
			next[k] = v
		}
	}
	for i := 0; i+1 < len(changes); i += 2 {
		if changes[i+1] == "" {
			next.Del(changes[i])
		} else {
			next.Set(changes[i], changes[i+1])
		}
	}
	if len(next) == 0 {
		return path
	}
	return path + "?" + next.Encode()
}
