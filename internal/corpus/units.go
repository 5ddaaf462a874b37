package corpus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// unitsFile is the table of local government in the knowledge.
const unitsFile = "units.json"

// Units is the table of local government: the present communes and wards, the
// former communes, wards and townlets each was formed from, and the districts,
// towns and cities that ended. The zero value knows no place. It does not change
// after Load.
type Units struct {
	About      string     `json:"about"` // for whoever edits the file
	Province   string     `json:"province"`
	Since      Date       `json:"since"`      // first day of the present units
	Resolution LegalRef   `json:"resolution"` // that formed them
	Checked    Date       `json:"checked"`
	Sources    []Source   `json:"sources"`
	Districts  []District `json:"districts"` // in the order of the provinces
	Communes   []Commune  `json:"communes"`
	// Ordinary are names that are also ordinary words or names of persons: alone,
	// without "xã" or "phường", they name no place.
	Ordinary []string `json:"ordinary"`

	names    []unitName            // every spelling, in the order of the table
	index    map[string][]unitName // the same by folded first syllable, longest first
	ordinary map[string]bool
}

// District is a former district, town or city under the province.
type District struct {
	Name     string   `json:"name"` // "Huyện Văn Chấn"
	Province string   `json:"province"`
	Also     []string `json:"also,omitempty"` // other spellings, without "Huyện"
}

// Commune is a present commune ("Xã …") or ward ("Phường …").
type Commune struct {
	Code     string   `json:"code"` // in the national list of units
	Name     string   `json:"name"`
	Province string   `json:"province"` // the former one
	Also     []string `json:"also,omitempty"`
	Former   []Former `json:"former"`
}

// Former is a commune, ward or townlet that went into a present one.
type Former struct {
	Name      string   `json:"name"`
	Code      string   `json:"code,omitempty"`
	District  string   `json:"district"`
	Also      []string `json:"also,omitempty"` // spellings of the second source, or common ones
	Confirmed bool     `json:"confirmed"`      // both sources say the same; otherwise Note says what differs
	Note      string   `json:"note,omitempty"`
}

// unitType is the kind of unit in small letters: "xã", "phường", "thị trấn", "huyện",
// "thị xã" or "thành phố"; empty when the name begins with none of them.
func unitType(name string) string {
	for _, t := range unitTypes {
		if rest, ok := strings.CutPrefix(name, t.title); ok && strings.HasPrefix(rest, " ") {
			return t.word
		}
	}
	return ""
}

var unitTypes = [...]struct{ title, word string }{
	{"Xã", "xã"}, {"Phường", "phường"}, {"Thị trấn", "thị trấn"}, {"Huyện", "huyện"}, {"Thị xã", "thị xã"}, {"Thành phố", "thành phố"},
}

// ShortName is a unit's name without its type: "Đại Lịch".
func ShortName(name string) string {
	for _, t := range unitTypes {
		if rest, ok := strings.CutPrefix(name, t.title+" "); ok {
			return rest
		}
	}
	return name
}

// Running is a unit's name as it stands inside a sentence: "xã Đại Lịch".
func Running(name string) string {
	for _, t := range unitTypes {
		if rest, ok := strings.CutPrefix(name, t.title+" "); ok {
			return t.word + " " + rest
		}
	}
	return name
}

// readUnits decodes and checks the table.
func readUnits(f file) (*Units, error) {
	u := new(Units)
	dec := json.NewDecoder(bytes.NewReader(f.data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(u); err != nil {
		return nil, Problem{File: f.name, Message: fmt.Sprintf("%v (a comma or quote may be missing before byte %d)", err, dec.InputOffset())}
	}
	if err := u.check(); err != nil {
		return nil, Problem{File: f.name, Message: err.Error()}
	}
	return u, nil
}

// check says what is wrong with the table: a unit without type or code, a code
// there twice, a district nobody defined.
func (u *Units) check() error {
	districts := make(map[string]bool)
	for _, d := range u.Districts {
		if !level(unitType(d.Name)).district() || d.Province == "" || districts[d.Name] {
			return fmt.Errorf("district %q: begin with Huyện, Thị xã or Thành phố, give the province, name it once", d.Name)
		}
		districts[d.Name] = true
	}
	codes := make(map[string]bool)
	for _, c := range u.Communes {
		if t := unitType(c.Name); t != "xã" && t != "phường" || c.Code == "" || codes[c.Code] || c.Province == "" || len(c.Former) == 0 {
			return fmt.Errorf("commune %q (%s): begin with Xã or Phường, give a code of its own, the province and what it was formed from", c.Name, c.Code)
		}
		codes[c.Code] = true
		for _, f := range c.Former {
			if !level(unitType(f.Name)).commune() || !districts[f.District] {
				return fmt.Errorf("commune %q: former unit %q: begin with Xã, Phường or Thị trấn and write a district of the list", c.Name, f.Name)
			}
			if !f.Confirmed && f.Note == "" {
				return fmt.Errorf("commune %q: former unit %q is not confirmed: say why in note", c.Name, f.Name)
			}
		}
	}
	for _, d := range u.Districts {
		if len(u.Within(d.Name)) == 0 {
			return fmt.Errorf("district %q: no former unit is in it", d.Name)
		}
	}
	if len(u.Communes) > 0 && (u.Since == "" || u.Resolution.Ref == "" || u.Checked == "" || len(u.Sources) == 0) {
		return fmt.Errorf("since, resolution, checked and sources are needed: an answer cites them")
	}
	return nil
}

// Within returns the present units that took over any part of a former district,
// in the order of the table.
func (u *Units) Within(district string) []*Commune {
	var list []*Commune
	for i := range u.Communes {
		for _, f := range u.Communes[i].Former {
			if f.District == district {
				list = append(list, &u.Communes[i])
				break
			}
		}
	}
	return list
}

// IsOrdinary reports whether a name, without its type and marks, is also an ordinary
// word.
func (u *Units) IsOrdinary(folded string) bool { return u.ordinary[folded] }
