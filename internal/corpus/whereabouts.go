package corpus

// Whereabouts is what there is to know of one place that a name can mean: where a
// former unit is now, what a present one was formed from.
type Whereabouts struct {
	Kind         string    `json:"kind"` // former, present, district or province
	Name         string    `json:"name"`
	District     string    `json:"district,omitempty"` // of a former commune
	Province     string    `json:"province"`           // the former one
	Present      []UnitRef `json:"present"`            // where it is now
	Predecessors []Former  `json:"predecessors,omitempty"`
	Confirmed    bool      `json:"confirmed"` // both sources say so
	Note         string    `json:"note,omitempty"`
}

// UnitRef names a present commune or ward.
type UnitRef struct {
	Code string `json:"code"`
	Name string `json:"name"`
}

// Whereabouts tells what the table says of a place.
func (u *Units) Whereabouts(p Place) Whereabouts {
	w := Whereabouts{Name: p.Name(), Province: p.Province, Present: []UnitRef{}, Confirmed: true}
	add := func(c *Commune) { w.Present = append(w.Present, UnitRef{c.Code, c.Name}) }
	switch {
	case p.Former != nil:
		w.Kind, w.District, w.Province = "former", p.Former.District, p.Commune.Province
		w.Confirmed, w.Note = p.Former.Confirmed, p.Former.Note
		add(p.Commune)
	case p.Commune != nil:
		w.Kind, w.Province, w.Predecessors = "present", p.Commune.Province, p.Commune.Former
		for _, f := range p.Commune.Former {
			w.Confirmed = w.Confirmed && f.Confirmed
		}
		add(p.Commune)
	case p.District != nil:
		w.Kind, w.Province = "district", p.District.Province
		for _, c := range u.Within(p.District.Name) {
			add(c)
		}
	default:
		w.Kind = "province"
	}
	return w
}
