package corpus

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"
)

// today is the day on which knowledge is checked in tests.
const today = Date("2026-11-28")

// minimal is a correct document; tests break one thing at a time.
const minimal = `---
id: dang-ky
title: Đăng ký thử
kind: procedure
aliases: [giấy thử]
asked: [một, hai, ba, bốn, năm, sáu, bảy, tám, chín, mười, mười một, mười hai]
codes: ["1.001193"]
audience: both
level: commune
authority: UBND cấp xã
submit: [in_person]
fees:
  - {for: Lệ phí, value: 8000, unit: đồng/bản}
  - {for: Lệ phí làm lại, ask: UBND cấp xã}
durations:
  - {for: Giải quyết, value: 5, unit: ngày làm việc}
legal_basis:
  - {ref: 60/2014/QH13, title: Luật Hộ tịch}
checked: 2026-11-23
confidence: high
sources:
  - {title: Cổng Dịch vụ công quốc gia, date: 2026-07-18}
---

## Tóm tắt

Giấy thử được cấp trong 5 ngày làm việc.

## Hồ sơ

- Tờ khai CT07.
- Giấy chứng sinh.
`

func library(t *testing.T, files ...string) *Library {
	t.Helper()
	fsys := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		fsys[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	lib, problems, err := Load(fsys)
	if err != nil || len(problems) > 0 {
		t.Fatalf("Load: %v, problems %v", err, problems)
	}
	return lib
}

func TestLintAcceptsACorrectDocument(t *testing.T) {
	problems, err := Lint(fstest.MapFS{"procedures/dang-ky.md": {Data: []byte(minimal)}}, today)
	if err != nil || len(problems) > 0 {
		t.Errorf("Lint(minimal) = %v, %v, want none", problems, err)
	}
}

// The questions of single lines are questions of the document too, and rows, items
// and sentences may be named by how they begin.
func TestAnswers(t *testing.T) {
	text := strings.Replace(minimal, "codes:", `answers:
  - {line: Lệ phí làm lại, asked: [mất rồi xin lại hết mấy]}
  - {line: Tờ khai, asked: [điền tờ nào, khai mẫu gì]}
  - {line: Giấy thử được cấp, asked: [bao lâu có]}
codes:`, 1)
	if problems, err := Lint(fstest.MapFS{"procedures/dang-ky.md": {Data: []byte(text)}}, today); err != nil || len(problems) > 0 {
		t.Errorf("Lint = %v, %v, want none", problems, err)
	}
	asked := library(t, "procedures/dang-ky.md", text).Document("dang-ky").Asked
	if len(asked) != 16 || asked[12] != "mất rồi xin lại hết mấy" || asked[15] != "bao lâu có" {
		t.Errorf("asked = %q, want the twelve of the document and the four of its lines", asked)
	}
}

func TestLintNamesFileLineAndRemedy(t *testing.T) {
	tests := []struct {
		name, old, new string
		line           int
		want           string
	}{
		{"unknown field", "level: commune", "levle: commune", 9, "levle"},
		{"bad yaml", "title: Đăng ký thử", "title: Đăng: ký: thử", 3, ""},
		{"id differs from file", "id: dang-ky", "id: dang-ki", 2, "dang-ki"},
		{"kind of another folder", "kind: procedure", "kind: skill", 4, "kind: procedure"},
		{"few questions", "asked: [một, hai, ba, bốn, năm, sáu, bảy, tám, chín, mười, mười một, mười hai]", "asked: [một, hai]", 6, "at least 12"},
		{"answers of no line", "codes:", "answers: [{line: Không có, asked: [mười ba]}]\ncodes:", 7, "no line of the document begins"},
		{"line without questions", "codes:", "answers: [{line: Lệ phí làm lại}]\ncodes:", 7, "has no questions"},
		{"code", `["1.001193"]`, `["1.1193"]`, 7, "1.001193"},
		{"audience", "audience: both", "audience: all", 8, "citizen, official, both"},
		{"district office", "authority: UBND cấp xã", "authority: UBND huyện", 10, "district level ended"},
		{"value without unit", "value: 8000, unit: đồng/bản", "value: 8000", 13, "without unit"},
		{"value and ask", "ask: UBND cấp xã}", "value: 1, unit: đồng, ask: UBND cấp xã}", 14, "one of value"},
		{"no figure", "{for: Lệ phí làm lại, ask: UBND cấp xã}", "{for: Lệ phí làm lại}", 14, "no figure"},
		{"base that nobody defines", "value: 5, unit: ngày làm việc", "rate: 5, base: lương cơ sở", 16, "lương cơ sở"},
		{"legal reference", "60/2014/QH13", "60-2014-QH13", 18, "60/2014/QH13"},
		{"date", "checked: 2026-11-23", "checked: 2026-13-23", 19, "YYYY-MM-DD"},
		{"row that ended and has no successor", "value: 8000, unit: đồng/bản", "value: 8000, unit: đồng/bản, valid_to: 2026-06-30", 13, "add the row that follows"},
		{"document that ended before its check", "checked: 2026-11-23", "valid_to: 2026-06-30\nchecked: 2026-11-23", 19, "bring it up to date"},
		{"two rows of one case", "{for: Lệ phí làm lại, ask: UBND cấp xã}", "{for: Lệ phí, value: 9000, unit: đồng}", 13, "for the same case and time"},
		{"figure that is typed nowhere", "trong 5 ngày làm việc", "trong 6 ngày làm việc", 27, "the figure 6"},
		{"heading", "## Hồ sơ", "## Giấy tờ", 29, "a procedure has only"},
		{"order of headings", "## Hồ sơ", "## Đối tượng\n\nAi cũng được.\n\n## Tóm tắt ngắn", 33, "a procedure has only"},
		{"empty heading", "- Tờ khai CT07.\n- Giấy chứng sinh.", "", 29, "no text"},
		{"no front matter", "---\nid: dang-ky", "id: dang-ky", 1, "front matter"},
		{"related", "checked:", "related: [khong-co]\nchecked:", 19, "khong-co"},
		{"link", "{title: Cổng Dịch vụ công quốc gia,", "{title: Cổng, url: dichvucong.gov.vn,", 22, "https://"},
		{"thousands with a dot", "value: 8000, unit: đồng/bản", "value: 8.000, unit: đồng/bản", 13, "write 8000"},
		{"words for a figure", "value: 8000", "value: tám nghìn", 13, "a number is wanted"},
		{"figure below 0", "value: 8000", "value: -8000", 13, "below 0"},
		{"unit without marks", "unit: ngày làm việc", "unit: ngay lam viec", 16, "write ngày"},
		{"channel", "unit: đồng/bản}", "unit: đồng/bản, condition: {channel: counter}}", 13, "in_person, online, post"},
		{"confidence of a row", "ask: UBND cấp xã}", "ask: UBND cấp xã, confidence: sure}", 14, "high, medium, low"},
		{"confidence", "confidence: high", "confidence: sure", 20, "high, medium, low"},
		{"title", "title: Đăng ký thử\n", "", 1, "title is missing"},
		{"text for a list", "aliases: [giấy thử]", "aliases: giấy thử", 5, "a list is wanted"},
		{"list for a text", "title: Đăng ký thử", "title: [Đăng ký, thử]", 3, "one text is wanted"},
		{"field twice", "level: commune", "level: commune\nlevel: province", 10, "already defined"},
		{"checked tomorrow", "checked: 2026-11-23", "checked: 2026-11-29", 19, "today is 2026-11-28"},
		{"period that ends before it begins", "checked:", "valid_from: 2027-01-01\nvalid_to: 2026-12-31\nchecked:", 20, "is after valid_to"},
		{"heading of another depth", "## Hồ sơ", "### Hồ sơ", 29, "headings begin with"},
		{"not UTF-8", "Giấy chứng sinh", "Gi\xa4y ch\xf8ng sinh", 32, "UTF-8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(minimal, tt.old, tt.new, 1)
			if text == minimal {
				t.Fatalf("the test changes nothing: %q not found", tt.old)
			}
			problems, err := Lint(fstest.MapFS{"procedures/dang-ky.md": {Data: []byte(text)}}, today)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range problems {
				if p.File == "procedures/dang-ky.md" && p.Line == tt.line && strings.Contains(p.Message, tt.want) {
					return
				}
			}
			t.Errorf("Lint with %q = %v, want line %d with %q", tt.new, problems, tt.line, tt.want)
		})
	}
}

func TestLintFindsSharedAliasesAndIDs(t *testing.T) {
	other := strings.Replace(minimal, "id: dang-ky", "id: dang-ky-hai", 1)
	problems, err := Lint(fstest.MapFS{"procedures/dang-ky.md": {Data: []byte(minimal)}, "procedures/dang-ky-hai.md": {Data: []byte(other)}}, today)
	if err != nil || len(problems) != 1 || !strings.Contains(problems[0].Message, "giấy thử") {
		t.Errorf("Lint = %v, %v, want the shared alias", problems, err)
	}
	problems, err = Lint(fstest.MapFS{"procedures/dang-ky.md": {Data: []byte(minimal)}, "procedures/x.md": {Data: []byte(minimal)}}, today)
	if err != nil || len(problems) == 0 || !strings.Contains(problems[0].Message, "already used") {
		t.Errorf("Lint = %v, %v, want the repeated id", problems, err)
	}
}

// What names a document whose file is broken is not wrong itself: the slip is to be
// found at once.
func TestLintNamesTheSlipOnly(t *testing.T) {
	linking := strings.NewReplacer("id: dang-ky", "id: dang-ky-hai", "checked:", "related: [dang-ky]\nchecked:", "giấy thử", "giấy khác").Replace(minimal)
	broken := strings.Replace(minimal, "level:", "levle:", 1)
	problems, err := Lint(fstest.MapFS{"procedures/dang-ky.md": {Data: []byte(broken)}, "procedures/dang-ky-hai.md": {Data: []byte(linking)}}, today)
	if err != nil || len(problems) != 1 || problems[0].Line != 9 || !strings.Contains(problems[0].Message, "levle") {
		t.Errorf("Lint = %v, %v, want the slip in line 9 of dang-ky.md only", problems, err)
	}
}

// A file as Windows writes it has the same problems at the same lines.
func TestLintReadsOtherLineEnds(t *testing.T) {
	text := "\ufeff" + strings.ReplaceAll(strings.Replace(minimal, "trong 5 ngày", "trong 6 ngày", 1), "\n", "\r\n")
	problems, err := Lint(fstest.MapFS{"procedures/dang-ky.md": {Data: []byte(text)}}, today)
	if err != nil || len(problems) != 1 || problems[0].Line != 27 || !strings.Contains(problems[0].Message, "the figure 6") {
		t.Errorf("Lint = %v, %v, want the figure of line 27 only", problems, err)
	}
}

// Of two rows of one name the one that is wrong is named, tables have lines too, and a
// file that nobody reads is told of.
func TestLintNamesTheRow(t *testing.T) {
	twice := strings.Replace(minimal, "fees:\n  - {for: Lệ phí, value: 8000, unit: đồng/bản}", "fees:\n  - {for: Đăng ký thử, value: 8000, unit: đồng/bản, valid_to: 2026-12-31}\n  - for: \"Đăng ký thử\"\n    value: 9000\n    valid_from: 2027-01-01", 1)
	for _, tt := range []struct {
		file, text string
		want       Problem
	}{
		{"procedures/dang-ky.md", twice, Problem{"procedures/dang-ky.md", 14, "without unit"}},
		{"procedures/thu.md.txt", "x", Problem{"procedures/thu.md.txt", 0, "NAME.md"}},
		{"procedures/cu/thu.md", "x", Problem{"procedures/cu", 0, "NAME.md"}},
		{"glossary.yml", "x", Problem{"glossary.yml", 0, "glossary.yaml"}},
		{"glossary.yaml", "- form: gks\n  means: [giấy khai sinh]\n  kind: abbreviation\n- form: \"gcs\"\n  kind: folk\n", Problem{"glossary.yaml", 4, "no meaning"}},
		{"outside.yaml", "- {id: mot, kind: off_topic, title: Một, asked: [một]}\n- {id: hai, kind: no, title: Hai, asked: [hai]}\n", Problem{"outside.yaml", 2, "write uncovered"}},
		{"contacts.yaml", "# danh bạ\n- id: mot-cua\n  name: Một cửa\n  phone: \"02163000000\"\n  checked: 2026-11-23\n", Problem{"contacts.yaml", 2, "no source"}},
		{"emergencies.yaml", "matters:\n  - id: chay\n    kind: fire\n", Problem{"emergencies.yaml", 2, "emergency or scam"}},
	} {
		files := fstest.MapFS{"procedures/dang-ky.md": {Data: []byte(minimal)}}
		files[tt.file] = &fstest.MapFile{Data: []byte(tt.text)}
		problems, err := Lint(files, today)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(problems, func(p Problem) bool {
			return p.File == tt.want.File && p.Line == tt.want.Line && strings.Contains(p.Message, tt.want.Message)
		}) {
			t.Errorf("Lint with %s = %v, want line %d with %q", tt.file, problems, tt.want.Line, tt.want.Message)
		}
	}
}

func TestLine(t *testing.T) {
	doc := `---
id: thu
title: Thử
kind: procedure
confidence: high
checked: 2026-11-23
fees:
  - {for: Nộp trực tuyến, value: 0, unit: đồng, condition: {channel: online}, valid_from: 2026-08-15, valid_to: 2027-02-28}
  - {for: Mức thường, value: 115000, unit: đồng}
  - {for: Lệ phí của tỉnh, ask: Trung tâm Phục vụ hành chính công}
  - {for: Ưu đãi, value: 50, unit: "%", valid_to: 2026-12-31}
durations:
  - {for: Cấp lại, value: 5, max: 7, unit: ngày làm việc}
  - {for: Đổi, value: 8, unit: ngày làm việc, text: không quá 8 ngày làm việc, confidence: low}
amounts:
  - {for: Lương cơ sở, name: lương cơ sở, value: 2340000, unit: đồng/tháng, valid_to: 2026-06-30}
  - {for: Lương cơ sở, name: lương cơ sở, value: 2530000, unit: đồng/tháng, valid_from: 2026-07-01}
  - {for: Người thứ nhất, name: mức người thứ nhất, rate: 4.5, base: lương cơ sở}
  - {for: Người thứ hai, rate: 70, base: mức người thứ nhất}
  - {for: Trợ cấp, factor: 1.5, base: lương cơ sở}
  - {for: Sàn, name: sàn, value: 1500000, unit: đồng/tháng, valid_to: 2026-12-31}
  - {for: Sàn, name: sàn, value: 2200000, unit: đồng/tháng, valid_from: 2027-01-01, confidence: low}
  - {for: Mức của hộ nghèo, rate: 22, base: sàn, condition: {who: "hộ nghèo, hộ cận nghèo", region: vùng cao}}
  - {for: Mức từ năm sau, rate: 22, base: sàn, valid_from: 2027-01-01}
---

## Tóm tắt

Thử.
`
	lib := library(t, "procedures/thu.md", doc)
	d := lib.Document("thu")
	tests := []struct {
		fact Fact
		asOf Date
		want string
	}{
		{d.Fees[0], "2026-11-23", "Nộp trực tuyến: miễn phí (0 đồng); áp dụng đến hết 28/02/2027"},
		{d.Fees[0], "2027-01-15", "Nộp trực tuyến: miễn phí (0 đồng); sắp thay đổi: chỉ áp dụng đến hết 28/02/2027"},
		{d.Fees[1], "2026-11-23", "Mức thường: 115.000 đồng"},
		{d.Fees[2], "2026-11-23", "Lệ phí của tỉnh: chưa xác minh; hãy hỏi Trung tâm Phục vụ hành chính công"},
		{d.Fees[3], "2026-11-23", "Ưu đãi: 50%; sắp thay đổi: chỉ áp dụng đến hết 31/12/2026"},
		{d.Durations[0], "2026-11-23", "Cấp lại: 5–7 ngày làm việc"},
		{d.Durations[1], "2026-11-23", "Đổi: không quá 8 ngày làm việc (độ tin cậy thấp, nên hỏi lại nơi tiếp nhận)"},
		{d.Amounts[2], "2026-11-23", "Người thứ nhất: 113.850 đồng/tháng (4,5% × lương cơ sở 2.530.000)"},
		{d.Amounts[2], "2026-06-30", "Người thứ nhất: 105.300 đồng/tháng (4,5% × lương cơ sở 2.340.000); sắp thay đổi: chỉ áp dụng đến hết 30/06/2026"},
		{d.Amounts[3], "2026-11-23", "Người thứ hai: 79.695 đồng/tháng (70% × mức người thứ nhất 113.850)"},
		{d.Amounts[4], "2026-11-23", "Trợ cấp: 3.795.000 đồng/tháng (hệ số 1,5 × lương cơ sở 2.530.000)"},
		// A share ends with the amount it is a share of, and is as doubtful.
		{d.Amounts[7], "2026-11-23", "Mức của hộ nghèo (vùng cao): 330.000 đồng/tháng (22% × sàn 1.500.000); sắp thay đổi: chỉ áp dụng đến hết 31/12/2026"},
		{d.Amounts[7], "2027-01-01", "Mức của hộ nghèo (vùng cao): 484.000 đồng/tháng (22% × sàn 2.200.000) (độ tin cậy thấp, nên hỏi lại nơi tiếp nhận)"},
		// A figure of the future is worked out for its first day.
		{d.Amounts[8], "2026-11-23", "Mức từ năm sau: 484.000 đồng/tháng (22% × sàn 2.200.000) (độ tin cậy thấp, nên hỏi lại nơi tiếp nhận); áp dụng từ 01/01/2027"},
	}
	for _, tt := range tests {
		if got := lib.Line(d, &tt.fact, tt.asOf); got != tt.want {
			t.Errorf("Line(%q, %s)\n got %q\nwant %q", tt.fact.For, tt.asOf, got, tt.want)
		}
	}
	if got := ValidOn(d.Amounts, "2026-06-30"); len(got) != 6 || *got[0].Value != 2340000 {
		t.Errorf("ValidOn(2026-06-30) = %v, want the rows of that day", got)
	}
}

func TestBaseInACircle(t *testing.T) {
	doc := strings.Replace(minimal, "durations:", "amounts:\n  - {for: a, name: a, rate: 5, base: b}\n  - {for: b, name: b, rate: 5, base: a}\ndurations:", 1)
	lib := library(t, "procedures/dang-ky.md", doc)
	d := lib.Document("dang-ky")
	if got, want := lib.Line(d, &d.Amounts[0], "2026-11-23"), "a: 5% b"; got != want {
		t.Errorf("Line of a circular base = %q, want %q", got, want)
	}
}

func TestSplit(t *testing.T) {
	lib := library(t, "procedures/dang-ky.md", minimal)
	d := lib.Document("dang-ky")
	chunks := lib.Split(d)
	var got []string
	for _, c := range chunks {
		if c.Section != AskedSection {
			got = append(got, c.Section)
		}
	}
	if want := "tom-tat ho-so noi-nop thoi-han le-phi can-cu -profile"; strings.Join(got, " ") != want {
		t.Errorf("sections = %v, want %s", got, want)
	}
	if n := len(chunks) - len(got); n != 12 {
		t.Errorf("asked chunks = %d, want 12", n)
	}
	again := library(t, "procedures/dang-ky.md", strings.Replace(minimal, "Giấy chứng sinh.", "Giấy chứng sinh bản chính.", 1))
	changed := 0
	for i, c := range again.Split(again.Document("dang-ky")) {
		if c.ID != chunks[i].ID || c.Hash != chunks[i].Hash {
			changed++
			if c.Section != "ho-so" {
				t.Errorf("chunk %s changed with another section's text", c.ID)
			}
		}
	}
	if changed != 1 {
		t.Errorf("%d chunks changed, want the one edited", changed)
	}
	retitled := library(t, "procedures/dang-ky.md", strings.Replace(minimal, "title: Đăng ký thử", "title: Đăng ký thật", 1))
	for i, c := range retitled.Split(retitled.Document("dang-ky")) {
		if c.ID != chunks[i].ID || c.Hash == chunks[i].Hash {
			t.Errorf("chunk %s: a new title must keep the ID and change the hash", c.ID)
		}
	}
}

func TestSplitText(t *testing.T) {
	item := "- " + strings.Repeat("đăng ký ", 20) + "xong.\n"
	tests := []struct {
		name, text string
		limit      int
		pieces     int
	}{
		{"empty", "", 100, 0},
		{"short", "một dòng", 100, 1},
		{"items", strings.Repeat(item, 10), 400, 5},
		{"one line of sentences", strings.Repeat("Câu này dài. ", 50), 100, 8},
		{"no border at all", strings.Repeat("ữ", 250), 100, 3},
	}
	for _, tt := range tests {
		pieces := splitText(tt.text, tt.limit)
		if len(pieces) != tt.pieces {
			t.Errorf("%s: %d pieces, want %d", tt.name, len(pieces), tt.pieces)
		}
		var all strings.Builder
		for _, p := range pieces {
			if n := utf8.RuneCountInString(p); n > tt.limit || !utf8.ValidString(p) {
				t.Errorf("%s: a piece of %d runes, want at most %d and valid text", tt.name, n, tt.limit)
			}
			all.WriteString(p)
		}
		squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
		if squeeze(all.String()) != squeeze(tt.text) {
			t.Errorf("%s: text was lost or made up", tt.name)
		}
	}
}

func TestOpenKeepsAndHeals(t *testing.T) {
	fsys := fstest.MapFS{"procedures/dang-ky.md": {Data: []byte(minimal)}}
	path := filepath.Join(t.TempDir(), "sub", "knowledge.json")
	open := func(fsys fs.FS) (*Library, []Problem) {
		t.Helper()
		lib, problems, save, err := Open(fsys, path)
		if err != nil {
			t.Fatalf("Open: %v", err)
		}
		if err := save(); err != nil {
			t.Fatalf("save: %v", err)
		}
		return lib, problems
	}
	first, _ := open(fsys)
	warm, _ := open(fsys)
	if warm.Version != first.Version || warm.Document("dang-ky") == nil || *warm.Document("dang-ky").Fees[0].Value != 8000 {
		t.Fatal("the kept library differs from the parsed one")
	}
	for name, garbage := range map[string]string{"empty": "", "garbage": "\x00\x01", "half": "", "flipped": ""} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		bad := []byte(garbage)
		switch name {
		case "half":
			bad = data[:len(data)/2]
		case "flipped":
			bad = append([]byte(nil), data...)
			bad[len(bad)-20] ^= 1
		}
		if err := os.WriteFile(path, bad, 0o644); err != nil {
			t.Fatal(err)
		}
		if lib, problems := open(fsys); lib.Document("dang-ky") == nil || len(problems) != 1 || !strings.Contains(problems[0].Message, "damaged") {
			t.Errorf("%s cache: document lost, or it is not said: %v", name, problems)
		}
		if _, problems := open(fsys); len(problems) > 0 {
			t.Errorf("%s cache, the next time: %v", name, problems)
		}
	}
	broken := fstest.MapFS{
		"procedures/dang-ky.md": {Data: []byte(strings.Replace(minimal, "level:", "levle:", 1))},
		"procedures/hai.md":     {Data: []byte(strings.ReplaceAll(strings.Replace(minimal, "id: dang-ky", "id: hai", 1), "giấy thử", "giấy hai"))},
	}
	lib, problems := open(broken)
	if lib.Document("dang-ky") == nil || lib.Document("hai") == nil {
		t.Error("a broken file took its last good version away")
	}
	if len(problems) != 1 || !strings.Contains(problems[0].Message, "last good version") {
		t.Errorf("problems = %v, want one that says the last good version stays", problems)
	}
}

// A table that is broken, or cannot be read at all, stays as it last was.
func TestOpenKeepsTables(t *testing.T) {
	const outside = "- {id: thoi-tiet, kind: off_topic, title: Thời tiết, asked: [mai mưa không]}\n"
	good := map[string]string{
		"procedures/dang-ky.md": minimal,
		"glossary.yaml":         "- {form: gks, means: [giấy khai sinh], kind: abbreviation}\n",
		"contacts.yaml":         "- {id: mot-cua, name: Một cửa, phone: \"02163000000\", source: cổng, checked: 2026-05-01}\n",
		"emergencies.yaml":      "matters: [{id: chay, kind: emergency, title: Cháy, asked: [nhà cháy rồi]}]\n",
		"outside.yaml":          outside,
		"units.json":            `{"since": "2025-07-01", "resolution": {"ref": "1673/NQ-UBTVQH15", "date": "2025-06-16"}, "checked": "2026-11-23", "sources": [{"title": "cổng"}], "communes": [{"name": "Xã Chấn Thịnh", "code": "04699", "province": "Yên Bái", "former": [{"name": "Xã Đại Lịch", "district": "Huyện Văn Chấn", "confirmed": true}]}], "districts": [{"name": "Huyện Văn Chấn", "province": "Yên Bái"}]}`,
	}
	made := func(files map[string]string) fstest.MapFS {
		fsys := fstest.MapFS{}
		for name, text := range files {
			fsys[name] = &fstest.MapFile{Data: []byte(text)}
		}
		return fsys
	}
	path := filepath.Join(t.TempDir(), "knowledge.json")
	want, problems, save, err := Open(made(good), path)
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	if err := save(); err != nil {
		t.Fatal(err)
	}
	for name := range good {
		for how, fsys := range map[string]fs.FS{
			"broken":     broken(made(good), name),
			"unreadable": unreadable{made(good), name},
		} {
			got, problems, _, err := Open(fsys, path)
			if err != nil {
				t.Errorf("%s %s: %v", how, name, err)
				continue
			}
			if len(problems) != 1 || problems[0].File != name || !strings.Contains(problems[0].Message, "last good version") {
				t.Errorf("%s %s: problems %v, want one that says the last good version stays", how, name, problems)
			}
			got.Version = want.Version
			if a, b := asJSON(t, got), asJSON(t, want); a != b {
				t.Errorf("%s %s: the knowledge is\n%s\nwant\n%s", how, name, a, b)
			}
		}
	}
}

func broken(fsys fstest.MapFS, name string) fstest.MapFS {
	fsys[name] = &fstest.MapFile{Data: []byte("{ broken")}
	return fsys
}

// unreadable is a folder with one file that may not be opened.
type unreadable struct {
	fs.FS
	name string
}

func (u unreadable) Open(name string) (fs.File, error) {
	if name == u.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return u.FS.Open(name)
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestOpenWithoutAWritableDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	lib, _, save, err := Open(fstest.MapFS{"procedures/dang-ky.md": {Data: []byte(minimal)}}, filepath.Join(file, "knowledge.json"))
	if err != nil || lib == nil {
		t.Fatalf("Open = %v, %v, want a library", lib, err)
	}
	if save() == nil {
		t.Error("save of a file below a file: no error")
	}
}

func TestStale(t *testing.T) {
	const fee = "{for: Lệ phí, value: 8000, unit: đồng/bản}"
	ends := strings.Replace(minimal, fee, "{for: Lệ phí, value: 8000, unit: đồng/bản, valid_to: 2026-12-31}", 1)
	follows := strings.Replace(ends, "fees:\n", "fees:\n  - {for: Lệ phí, value: 9000, unit: đồng/bản, valid_from: 2027-01-01}\n", 1)
	contact := "- {id: mot-cua, name: Một cửa, phone: \"02163000000\", source: cổng, checked: 2026-05-01}\n"
	tests := []struct {
		name, doc string
		asOf      Date
		within    int
		want      string // document, what, due, next
	}{
		{"long before", ends, "2026-10-01", 60, ""},
		{"ends soon", ends, "2026-11-23", 60, "dang-ky|Lệ phí|false|"},
		{"the last day", ends, "2026-12-31", 0, "dang-ky|Lệ phí|false|"},
		{"sooner than asked for", ends, "2026-11-23", 30, ""},
		{"over", ends, "2027-01-01", 60, "dang-ky|Lệ phí|true|"},
		{"ends soon and is followed", follows, "2026-11-23", 60, "dang-ky|Lệ phí|false|9.000 đồng/bản"},
		{"over and followed", follows, "2027-01-01", 60, ""},
		{"checked long ago", follows, "2027-06-01", 60, "dang-ky|lần kiểm tra gần nhất đã lâu|true|"},
	}
	for _, tt := range tests {
		lib := library(t, "procedures/dang-ky.md", tt.doc)
		var got []string
		for _, s := range lib.Stale(tt.asOf, tt.within) {
			got = append(got, fmt.Sprintf("%s|%s|%t|%s", s.Document, s.What, s.Due, s.Next))
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: Stale(%s, %d) = %q, want %q", tt.name, tt.asOf, tt.within, got, tt.want)
		}
	}
	lib := library(t, "procedures/dang-ky.md", minimal, "contacts.yaml", contact)
	if got := lib.Stale("2026-11-23", 60); len(got) != 1 || got[0].Document != "contacts/mot-cua" {
		t.Errorf("Stale = %v, want the contact that was checked in May", got)
	}
}

func TestLintFindsFactsThatContradictEachOther(t *testing.T) {
	tests := []struct {
		name       string
		one, other string // fees of two documents
		codes      string // of the other
		want       string // in the one problem; "" for none
	}{
		{"the same fact", "{for: Bản sao xin thêm, value: 8000, unit: đồng/bản}", "{for: bản sao xin thêm, value: 5000, unit: đồng}", "", "8.000 đồng"},
		{"the same figure", "{for: Bản sao xin thêm, value: 8000, unit: đồng/bản}", "{for: Bản sao xin thêm, value: 8000, unit: đồng/lần}", "", ""},
		{"another case", "{for: Bản sao, value: 8000, unit: đồng, condition: {channel: online}}", "{for: Bản sao, value: 5000, unit: đồng, condition: {channel: in_person}}", "", ""},
		{"one after the other", "{for: Bản sao, value: 8000, unit: đồng, valid_to: 2026-12-31}", "{for: Bản sao, value: 5000, unit: đồng, valid_from: 2027-01-01}", "", ""},
		{"a day in common", "{for: Bản sao, value: 8000, unit: đồng, valid_to: 2026-12-31}", "{for: Bản sao, value: 5000, unit: đồng, valid_from: 2026-12-31}", "", "8.000 đồng"},
		{"each its own file", "{for: Giải quyết hồ sơ, value: 8000, unit: đồng}", "{for: Giải quyết hồ sơ, value: 5000, unit: đồng}", "2.000815", ""},
		{"one name", "{for: Lương tối thiểu, name: mức lương, value: 8000, unit: đồng}", "{for: Lương, name: Mức lương, value: 5000, unit: đồng}", "", "8.000 đồng"},
		{"one procedure by its code", "{for: Đăng ký thử ở xã, value: 8000, unit: đồng}", "{for: Lệ phí của thủ tục 1.001193, value: 5000, unit: đồng}", "2.000815", "8.000 đồng"},
		{"a share and a sum", "{for: Bản sao, value: 50, unit: đồng}", "{for: Bản sao, rate: 50, base: lương}", "", "50% lương"},
		{"dates in words", "{for: Hạn nộp, text: trước 31/12/2026}", "{for: Hạn nộp, text: chậm nhất 30/12/2026}", "", "2026-12-31"},
		{"an unknown figure", "{for: Bản sao, value: 8000, unit: đồng}", "{for: Bản sao, ask: UBND cấp xã}", "", ""},
	}
	const fee, more = "{for: Lệ phí, value: 8000, unit: đồng/bản}", "amounts:\n  - {for: Lương cơ bản, name: lương, value: 100, unit: đồng}\ndurations:"
	for _, tt := range tests {
		one := strings.Replace(strings.Replace(minimal, fee, tt.one, 1), "durations:", more, 1)
		other := strings.NewReplacer("id: dang-ky", "id: dang-ky-hai", "[giấy thử]", "[giấy hai]", "title: Đăng ký thử", "title: Việc hai", fee, tt.other, "Giải quyết, value: 5", "Xong việc hai, value: 5").Replace(minimal)
		if tt.codes != "" {
			other = strings.Replace(other, "1.001193\"]", tt.codes+"\"]", 1)
		}
		problems, err := Lint(fstest.MapFS{"procedures/dang-ky.md": {Data: []byte(one)}, "procedures/dang-ky-hai.md": {Data: []byte(other)}}, today)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case tt.want == "" && len(problems) == 0:
		case tt.want != "" && len(problems) == 1 && strings.Contains(problems[0].Message, tt.want) && problems[0].Line == 13:
		default:
			t.Errorf("%s: Lint(%s, %s) = %v, want %q at line 13", tt.name, tt.one, tt.other, problems, tt.want)
		}
	}
}

func FuzzParseDocument(f *testing.F) {
	f.Add([]byte(minimal))
	f.Add([]byte("---\nid: [\n---\n## a"))
	f.Add([]byte("---\n---\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := parseDocument("procedures/x.md", data)
		if err != nil {
			return
		}
		lib := &Library{Documents: []*Document{doc}}
		lib.index()
		for _, c := range lib.Split(doc) {
			if utf8.RuneCountInString(c.Text) > maxChunkRunes {
				t.Errorf("chunk of %d runes", utf8.RuneCountInString(c.Text))
			}
		}
	})
}
