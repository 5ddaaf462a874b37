package webhook

import (
	"slices"
	"testing"
)

func TestHeading(t *testing.T) {
	for in, want := range map[string]string{"": "", "le-phi": "", " Lệ \n phí ": "Lệ phí", "Hồ sơ": "Hồ sơ", "muc-2": "", "Mức 2": "Mức 2"} {
		if got := (Source{Section: in}).Heading(); got != want {
			t.Errorf("Heading of %q = %q, want %q", in, got, want)
		}
	}
}

func TestDay(t *testing.T) {
	for in, want := range map[string]string{"2026-11-03": "03/11/2026", "": "", "3/11/2026": "", "2026-13-01": ""} {
		if got := (Source{Checked: in}).Day(); got != want {
			t.Errorf("Day of %q = %q, want %q", in, got, want)
		}
	}
}

func TestNamedBefore(t *testing.T) {
	list := []Source{{Title: "A", URL: "u"}, {Title: "B", URL: "u"}, {Title: "A", URL: "u", Section: "Lệ phí"}, {Title: "A", URL: "v"}}
	if got, want := NamedBefore(list), []bool{false, false, true, false}; !slices.Equal(got, want) {
		t.Errorf("NamedBefore(%v) = %v, want %v", list, got, want)
	}
}
