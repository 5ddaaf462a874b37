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

func TestNamedBefore(t *testing.T) {
	list := []Source{{Title: "A", URL: "u"}, {Title: "B", URL: "u"}, {Title: "A", URL: "u", Section: "Lệ phí"}, {Title: "A", URL: "v"}}
	if got, want := NamedBefore(list), []bool{false, false, true, false}; !slices.Equal(got, want) {
		t.Errorf("NamedBefore(%v) = %v, want %v", list, got, want)
	}
}
