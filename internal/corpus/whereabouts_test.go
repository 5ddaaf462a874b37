package corpus_test

import "testing"

func TestWhereabouts(t *testing.T) {
	u := realUnits(t)
	for _, tt := range []struct {
		name, kind string
		present    int // at least
		first      string
	}{
		{"xã Đại Lịch", "former", 1, "Xã Chấn Thịnh"}, {"huyện Văn Chấn", "district", 2, ""},
		{"phường Văn Phú", "present", 1, "Phường Văn Phú"}, {"tỉnh Yên Bái", "province", 0, ""},
	} {
		found := false
		for _, p := range u.Lookup(tt.name) {
			w := u.Whereabouts(p)
			if w.Kind != tt.kind {
				continue
			}
			found = true
			if len(w.Present) < tt.present || tt.first != "" && w.Present[0].Name != tt.first || w.Present == nil {
				t.Errorf("Whereabouts(%q) = %+v, want at least %d present units, first %q", tt.name, w, tt.present, tt.first)
			}
			if w.Kind == "present" && len(w.Predecessors) == 0 || w.Kind == "former" && w.District == "" {
				t.Errorf("Whereabouts(%q) = %+v tells not what it was", tt.name, w)
			}
		}
		if !found {
			t.Errorf("Whereabouts(%q): no %s among %d places", tt.name, tt.kind, len(u.Lookup(tt.name)))
		}
	}
}
