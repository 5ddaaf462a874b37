package corpus

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"troly/knowledge"
)

const goodMatters = `unless: [giấy tờ]
matters:
  - id: chay
    kind: emergency
    title: Cháy
    said: [nhà * cháy]
    asked: [a, b, c, d, e, f]
    contacts: ["114"]
    steps:
      - do: Chạy ra ngoài.
      - do: Gọi 114.
    sources: [{title: Nguồn}]
`

const goodContacts = `- {id: "114", name: Chữa cháy, phone: "114", verified: true, source: s, checked: 2026-11-27}
- {id: x, name: X, phone: "0912 345 678", verified: false, source: s, checked: 2026-11-27}
`

// lintWith checks the real knowledge with one of its tables replaced.
func lintWith(t *testing.T, tables map[string]string) string {
	t.Helper()
	files := fstest.MapFS{}
	for _, name := range []string{"local/duong-day-nong-lien-he.md"} {
		data, err := fs.ReadFile(knowledge.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: data}
	}
	for name, text := range tables {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	problems, err := Lint(files, today)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, p := range problems {
		if strings.HasSuffix(p.File, ".yaml") {
			b.WriteString(p.String() + "\n")
		}
	}
	return b.String()
}

func TestLintEmergencies(t *testing.T) {
	for _, tt := range []struct{ change, to, want string }{
		{"", "", ""},
		{"id: chay", "id: Cháy", "kebab-case"},
		{"kind: emergency", "kind: urgent", `kind "urgent"`},
		{"kind: emergency", "kind: scam", "say is missing"},
		{"title: Cháy", "title: ''", "no title"},
		{"said: [nhà * cháy]", "said: []", "neither certain nor said"},
		{"said: [nhà * cháy]", "said: ['* cháy']", "must stand between"},
		{"said: [nhà * cháy]", "said: [nhà cháy, nhà cháy]", "there twice"},
		{"unless: [giấy tờ]", "unless: [giấy]", "at least two words"},
		{"asked: [a, b, c, d, e, f]", "asked: [a]", "at least 6"},
		{`contacts: ["114"]`, `contacts: ["113"]`, "not in contacts.yaml"},
		{`contacts: ["114"]`, `contacts: [x]`, "not verified"},
		{`contacts: ["114"]`, `contacts: []`, "contacts are missing"},
		{"      - do: Gọi 114.\n", "", "has 1 steps"},
		{"Gọi 114.", "Gọi 119.", "119, which is not in contacts.yaml"},
		{"do: Gọi 114.", "do: Gọi 114.\n        from: khong-co/x", "no document"},
		{"sources: [{title: Nguồn}]", "sources: []", "sources are missing"},
		{"title: Cháy", "title: Cháy\n    thua: 1", "unknown field"},
		{goodMatters, "matters: []\n", "no matters"},
	} {
		text := strings.Replace(goodMatters, tt.change, tt.to, 1)
		got := lintWith(t, map[string]string{"emergencies.yaml": text, "contacts.yaml": goodContacts})
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%q for %q: problems %q, want %q", tt.to, tt.change, got, tt.want)
		}
	}
}

func TestLintContacts(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{`- {id: "114", name: N, phone: "115", source: s, checked: 2026-11-27}`, "there twice"},
		{`- {id: y, phone: "115", source: s, checked: 2026-11-27}`, "no name"},
		{`- {id: y, name: N, source: s, checked: 2026-11-27}`, "nothing to reach it by"},
		{`- {id: y, name: N, phone: "115", checked: 2026-11-27}`, "no source"},
		{`- {id: y, name: N, phone: "115", source: s, checked: hôm qua}`, "YYYY-MM-DD"},
		{`- {id: y, name: N, phone: 115/116, source: s, checked: 2026-11-27}`, "several numbers"},
		{`- {id: y, name: N, phone: "114", source: s, checked: 2026-11-27}`, `in "114" and in "y"`},
	} {
		got := lintWith(t, map[string]string{"emergencies.yaml": goodMatters, "contacts.yaml": goodContacts + tt.line + "\n"})
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s: problems %q, want %q", tt.line, got, tt.want)
		}
	}
}

// TestLintFindsUnlistedNumbers: a number in a document that no list vouches for.
func TestLintFindsUnlistedNumbers(t *testing.T) {
	got := ""
	files := fstest.MapFS{}
	for _, name := range []string{"local/duong-day-nong-lien-he.md", "contacts.yaml", "emergencies.yaml"} {
		data, err := fs.ReadFile(knowledge.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(string(data), "## Số khẩn cấp\n", "## Số khẩn cấp\n\n- Gọi 0912 345 678, vào tro-giup.top.\n", 1)
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	problems, err := Lint(files, today)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		got += p.String() + "\n"
	}
	for _, want := range []string{"0912 345 678 is not in contacts.yaml", "tro-giup.top is not in contacts.yaml"} {
		if !strings.Contains(got, want) {
			t.Errorf("problems %q lack %q", got, want)
		}
	}
}

// TestReadmeIsNoDocument: the editors' page may lie anywhere in the knowledge.
func TestReadmeIsNoDocument(t *testing.T) {
	files := fstest.MapFS{"README.md": {Data: []byte("# Sửa tri thức\n")}, "procedures/README.md": {Data: []byte("x")}}
	data, err := fs.ReadFile(knowledge.FS, "procedures/khai-sinh.md")
	if err != nil {
		t.Fatal(err)
	}
	files["procedures/khai-sinh.md"] = &fstest.MapFile{Data: data}
	lib, problems, err := Load(files)
	if err != nil || len(problems) > 0 || len(lib.Documents) != 1 {
		t.Errorf("Load = %v, %v, %v; want the one document and no problem", lib, problems, err)
	}
}
