package corpus

import "testing"

func TestVersionsFollowWhatIsSaid(t *testing.T) {
	value := 8000.0
	make := func(change func(d *Document)) string {
		d := &Document{ID: "a", Title: "A", Checked: "2026-11-01", Aliases: []string{"x"}, Fees: []Fact{{For: "bản sao", Value: &value, Unit: "đồng"}},
			Sections: []Section{{ID: "tom-tat", Heading: "Tóm tắt", Body: "Một câu.", Line: 3}}}
		change(d)
		l := &Library{Documents: []*Document{d}}
		return l.Versions()["a"]
	}
	same := make(func(*Document) {})
	if len(same) != 16 {
		t.Fatalf("Versions = %q, want 16 digits", same)
	}
	other := 9000.0
	for name, tt := range map[string]struct {
		change func(d *Document)
		want   bool // another version
	}{
		"checked again":    {func(d *Document) { d.Checked = "2026-11-20" }, false},
		"another alias":    {func(d *Document) { d.Aliases = append(d.Aliases, "y") }, false},
		"moved down":       {func(d *Document) { d.Sections[0].Line = 9 }, false},
		"another fee":      {func(d *Document) { d.Fees[0].Value = &other }, true},
		"another sentence": {func(d *Document) { d.Sections[0].Body = "Hai câu." }, true},
		"ends":             {func(d *Document) { d.ValidTo = "2026-12-31" }, true},
		"less sure":        {func(d *Document) { d.Confidence = "low" }, true},
	} {
		if got := make(tt.change); (got != same) != tt.want {
			t.Errorf("%s: version %q, before %q, want another: %v", name, got, same, tt.want)
		}
	}
}
