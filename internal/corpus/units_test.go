package corpus_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"golang.org/x/text/unicode/norm"

	"troly/internal/corpus"
	"troly/internal/vietnamese"
	"troly/knowledge"
)

// library is the real knowledge, loaded once.
var library = sync.OnceValues(func() (*corpus.Library, error) {
	lib, _, err := corpus.Load(knowledge.FS)
	return lib, err
})

func realUnits(tb testing.TB) *corpus.Units {
	tb.Helper()
	lib, err := library()
	if err != nil {
		tb.Fatal(err)
	}
	return lib.Units
}

func TestUnitsCounts(t *testing.T) {
	u := realUnits(t)
	counts := make(map[string]int)
	former := make(map[string]bool)
	for _, c := range u.Communes {
		word, _, _ := strings.Cut(c.Name, " ")
		counts[word]++
		counts[c.Province]++
		counts["rows"] += len(c.Former)
		for _, f := range c.Former {
			former[f.Name+f.District] = true
			if !f.Confirmed {
				counts["unconfirmed"]++
			}
		}
	}
	for _, d := range u.Districts {
		counts["district "+d.Province]++
	}
	counts["former"] = len(former)
	for what, want := range map[string]int{
		"Xã": 89, "Phường": 10, "Yên Bái": 51, "Lào Cai": 48, "rows": 326, "former": 325, "unconfirmed": 14,
		"district Yên Bái": 9, "district Lào Cai": 9,
	} {
		if counts[what] != want {
			t.Errorf("%s: %d, want %d", what, counts[what], want)
		}
	}
}

// Every row of the collected data is in the table, and nothing else.
func TestUnitsHoldTheCollectedData(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "shared", "data", "admin-units")
	data, err := os.ReadFile(filepath.Join(dir, "old-to-new.json"))
	if err != nil {
		t.Skip("the collected data is not here: ", err)
	}
	var rows []struct {
		OldName   string `json:"old_name"`
		District  string `json:"old_district"`
		NewCode   string `json:"new_code"`
		NewName   string `json:"new_name"`
		Confirmed bool   `json:"confirmed_by_second_source"`
	}
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	u := realUnits(t)
	byCode := make(map[string]corpus.Commune)
	n := 0
	for _, c := range u.Communes {
		byCode[c.Code] = c
		n += len(c.Former)
	}
	if n != len(rows) {
		t.Errorf("table has %d rows, data has %d", n, len(rows))
	}
	for _, r := range rows {
		c := byCode[r.NewCode]
		if c.Name != vietnamese.Normalize(r.NewName) {
			t.Errorf("unit %s is %q, want %q", r.NewCode, c.Name, r.NewName)
		}
		old, district := vietnamese.Normalize(r.OldName), strings.Replace(r.District, "Căng", "Cang", 1)
		ok := slices.ContainsFunc(c.Former, func(f corpus.Former) bool {
			same := f.Name == old || slices.Contains(f.Also, corpus.ShortName(old))
			return same && f.District == district && f.Confirmed == r.Confirmed
		})
		if !ok {
			t.Errorf("%s (%s) -> %s, confirmed %v: not in the table", r.OldName, r.District, r.NewName, r.Confirmed)
		}
	}
}

// names lists what Find makes of a text: "Xã Đại Lịch > Xã Chấn Thịnh".
func names(u *corpus.Units, text string, loose bool) []string {
	list := []string{}
	for _, m := range u.Find(nil, vietnamese.Tokenize(nil, vietnamese.Normalize(text)), loose) {
		name := m.Place.Name()
		if m.Former != nil {
			name += " > " + m.Commune.Name
		}
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

func TestFindUnits(t *testing.T) {
	u := realUnits(t)
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"xã Đại Lịch", []string{"Xã Đại Lịch > Xã Chấn Thịnh"}},
		{"x. Đại Lịch", []string{"Xã Đại Lịch > Xã Chấn Thịnh"}},
		{"xa dai lich", []string{"Xã Đại Lịch > Xã Chấn Thịnh"}},
		{norm.NFD.String("xã Đại Lịch"), []string{"Xã Đại Lịch > Xã Chấn Thịnh"}},
		{"XÃ ĐẠI LỊCH", []string{"Xã Đại Lịch > Xã Chấn Thịnh"}},
		{"xã Hoà Cuông", []string{"Xã Hòa Cuông > Xã Trấn Yên"}},
		{"thị trấn Mậu A", []string{"Thị trấn Mậu A > Xã Mậu A"}},
		{"tt mau a", []string{"Thị trấn Mậu A > Xã Mậu A"}},
		{"h. Văn Yên", []string{"Huyện Văn Yên"}},
		{"tp yên bái", []string{"Thành phố Yên Bái"}},
		{"tx nghĩa lộ", []string{"Thị xã Nghĩa Lộ"}},
		{"thi xa nghia lo", []string{"Thị xã Nghĩa Lộ"}},
		{"huyện mù căng chải", []string{"Huyện Mù Cang Chải"}},
		{"huyện Văn Chấn, xã Tân Thịnh", []string{"Huyện Văn Chấn", "Xã Tân Thịnh > Phường Văn Phú", "Xã Tân Thịnh > Xã Chấn Thịnh"}},
		{"tỉnh yên bái", []string{"Tỉnh Yên Bái"}},
		{"em ở yên bái", []string{"Tỉnh Yên Bái"}},
		{"doc tren bao yen bai", []string{"Tỉnh Yên Bái"}}, // the newspaper
		{"huyen bao yen bai o dau", []string{"Huyện Bảo Yên"}},
		{"phường Yên Bái", []string{"Phường Yên Bái"}},
		{"phường Minh Tân", []string{"Phường Minh Tân > Phường Yên Bái"}},
		{"xã Minh Tân", []string{"Phường Minh Tân > Phường Yên Bái", "Xã Minh Tân > Xã Thượng Hà"}},
		{"xã Nghĩa Lộ", []string{"Phường Nghĩa Lộ", "Xã Nghĩa Lộ > Phường Trung Tâm"}},
		{"xã Minh Quân", []string{"Xã Minh Quân > Phường Âu Lâu"}},
		{"xa minh quan", []string{"Xã Minh Quán > Xã Trấn Yên", "Xã Minh Quân > Phường Âu Lâu"}},
		{"xã Khánh Yên Thượng", []string{"Xã Khánh Yên Thượng > Xã Văn Bàn"}},
		{"xã Hát Lìu", []string{"Xã Hát Lừu > Xã Hạnh Phúc"}},
		{"xã Bảo Hưng", []string{"Xã Bảo Hưng > Phường Âu Lâu", "Xã Bảo Hưng > Xã Trấn Yên"}},
		{"sapa", []string{"Phường Sa Pa", "Phường Sa Pa > Phường Sa Pa", "Thị xã Sa Pa"}},
		{"văn bản này", []string{}},
		{"mỏ vang", []string{"Xã Mỏ Vàng", "Xã Mỏ Vàng > Xã Mỏ Vàng"}},
		{"", []string{}},
	} {
		slices.Sort(tt.want)
		if got := names(u, tt.text, false); !slices.Equal(got, tt.want) {
			t.Errorf("Find(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
	if got := names(u, "xã Đài Lích", false); len(got) != 0 {
		t.Errorf("wrong marks found %q", got)
	}
	if got, want := names(u, "xã Đài Lích", true), []string{"Xã Đại Lịch > Xã Chấn Thịnh"}; !slices.Equal(got, want) {
		t.Errorf("wrong marks, loose: %q, want %q", got, want)
	}
}

// Each former unit and each district is found by its own name, marked, unmarked
// and decomposed.
func TestFindEveryUnit(t *testing.T) {
	u := realUnits(t)
	var want []string
	for _, d := range u.Districts {
		want = append(want, d.Name)
	}
	for _, c := range u.Communes {
		want = append(want, c.Name)
		for _, f := range c.Former {
			want = append(want, f.Name)
			for _, also := range f.Also {
				if strings.Contains(strings.Join(names(u, "xã "+also, false), ","), f.Name+" >") {
					continue
				}
				t.Errorf("spelling %q does not find %q", also, f.Name)
			}
		}
	}
	for _, name := range want {
		for _, text := range []string{name, vietnamese.Fold(name), norm.NFD.String(name), strings.ToUpper(name), "em ở " + name + " ạ"} {
			found := names(u, text, false)
			if !slices.ContainsFunc(found, func(s string) bool { return s == name || strings.HasPrefix(s, name+" >") }) {
				t.Errorf("Find(%q) = %q, want %q among them", text, found, name)
			}
		}
	}
}

func TestBrokenUnits(t *testing.T) {
	doc := []byte("---\nid: a\ntitle: A\n---\n\n## Tóm tắt\n\nA.\n")
	for name, text := range map[string]string{
		"no JSON":          `{"communes": [`,
		"unknown field":    `{"comunes": []}`,
		"unknown district": `{"communes":[{"code":"1","name":"Xã A","province":"P","former":[{"name":"Xã B","district":"Huyện C","confirmed":true}]}]}`,
		"no type":          `{"communes":[{"code":"1","name":"A","province":"P","former":[]}]}`,
		"no reason":        `{"districts":[{"name":"Huyện C","province":"P"}],"communes":[{"code":"1","name":"Xã A","province":"P","former":[{"name":"Xã B","district":"Huyện C"}]}]}`,
		"empty district":   `{"districts":[{"name":"Huyện C","province":"P"}]}`,
		"no source":        `{"districts":[{"name":"Huyện C","province":"P"}],"communes":[{"code":"1","name":"Xã A","province":"P","former":[{"name":"Xã B","district":"Huyện C","confirmed":true}]}]}`,
	} {
		lib, problems, err := corpus.Load(fstest.MapFS{"local/a.md": {Data: doc}, "units.json": {Data: []byte(text)}})
		if err != nil {
			t.Fatal(err)
		}
		if len(problems) != 1 || problems[0].File != "units.json" {
			t.Errorf("%s: problems %v, want one of units.json", name, problems)
		}
		if got := lib.Units.Find(nil, vietnamese.Tokenize(nil, "xã A"), false); len(got) != 0 {
			t.Errorf("%s: a broken table found %v", name, got)
		}
	}
}

func FuzzFindUnits(f *testing.F) {
	for _, s := range []string{"xã Đại Lịch cũ", "tp yên bái", "x. x. x.", "thị xã", "\xff xã"} {
		f.Add(s)
	}
	u := realUnits(f)
	f.Fuzz(func(t *testing.T, s string) {
		tokens := vietnamese.Tokenize(nil, vietnamese.Normalize(s))
		for _, m := range u.Find(nil, tokens, true) {
			if m.Start < 0 || m.Start > m.Name || m.Name >= m.End || m.End > len(tokens) || m.Place.Name() == "" {
				t.Errorf("Find(%q): span %d %d %d of %d tokens", s, m.Start, m.Name, m.End, len(tokens))
			}
		}
	})
}

func BenchmarkFindUnits(b *testing.B) {
	u := realUnits(b)
	tokens := vietnamese.Tokenize(nil, "nhà bà ngoại em ở xã Tân Thịnh huyện Văn Chấn cũ, giờ làm giấy khai sinh cho cháu thì ra xã nào")
	dst := make([]corpus.Match, 0, 16)
	b.ReportAllocs()
	for b.Loop() {
		dst = u.Find(dst[:0], tokens, false)
	}
	if len(dst) != 3 {
		b.Fatalf("found %d places, want 3", len(dst))
	}
}

func TestLookupUnits(t *testing.T) {
	u := realUnits(t)
	for _, tt := range []struct {
		name string
		want []string
	}{
		{"yên bái", []string{"Phường Yên Bái", "Thành phố Yên Bái", "Tỉnh Yên Bái"}},
		{"tan thinh", []string{"Xã Tân Thịnh", "Xã Tân Thịnh"}},
		{"xã Tân Thịnh", []string{"Xã Tân Thịnh", "Xã Tân Thịnh"}},
		{"xã Yên Phus", []string{"Xã Yên Phú"}},
		{"xã Văn Tiến", nil}, // another commune than Tân Tiến, one letter away
		{"Hà Nội", nil},
		{"", nil},
	} {
		var got []string
		for _, p := range u.Lookup(tt.name) {
			got = append(got, p.Name())
		}
		slices.Sort(got)
		if !slices.Equal(got, tt.want) {
			t.Errorf("Lookup(%q) = %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestFindNear(t *testing.T) {
	u := realUnits(t)
	for _, tt := range []struct{ text, want string }{
		{"xã Yên Phus giờ thuộc đâu", "Xã Yên Phú"},
		{"xã Táhc Bà mới", "Xã Thác Bà"},
		{"công an xã Banr Qua", "Xã Bản Qua"},
		{"huyện Văăn Chấn", "Huyện Văn Chấn"},
		{"xã Tâ Thịnh", "Xã Tân Thịnh"},
		{"xã Văn Tiến", ""},
		{"xã này giờ thuộc xã nào", ""},
		{"Yên Phus", ""}, // no word before it
	} {
		var got []string
		for _, m := range u.FindNear(nil, vietnamese.Tokenize(nil, vietnamese.Normalize(tt.text))) {
			got = append(got, m.Place.Name())
		}
		if tt.want == "" && len(got) > 0 || tt.want != "" && !slices.Contains(got, tt.want) {
			t.Errorf("FindNear(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func BenchmarkLoadUnits(b *testing.B) {
	data, err := knowledge.FS.ReadFile("units.json")
	if err != nil {
		b.Fatal(err)
	}
	fsys := fstest.MapFS{"local/a.md": {Data: []byte("---\nid: a\ntitle: A\n---\n\n## Tóm tắt\n\nA.\n")}, "units.json": {Data: data}}
	for b.Loop() {
		if _, _, err := corpus.Load(fsys); err != nil {
			b.Fatal(err)
		}
	}
}
