package corpus

import (
	"regexp"
	"slices"
	"strings"

	"troly/internal/privacy"
	"troly/internal/vietnamese"
)

// Contact is an office, hotline or link the assistant may print. One that is not
// verified is printed with a mark only.
type Contact struct {
	ID       string `yaml:"id" json:"id"`
	Name     string `yaml:"name" json:"name"`
	For      string `yaml:"for" json:"for,omitempty"` // what one turns to it for
	Phone    string `yaml:"phone" json:"phone,omitempty"`
	URL      string `yaml:"url" json:"url,omitempty"`
	Email    string `yaml:"email" json:"email,omitempty"`
	Address  string `yaml:"address" json:"address,omitempty"`
	Note     string `yaml:"note" json:"note,omitempty"` // what to say with it: hours, who answers
	Verified bool   `yaml:"verified" json:"verified"`
	Source   string `yaml:"source" json:"source,omitempty"`
	Checked  Date   `yaml:"checked" json:"checked,omitempty"`
}

// Contact returns the contact with that ID.
func (l *Library) Contact(id string) (Contact, bool) {
	i := slices.IndexFunc(l.Contacts, func(c Contact) bool { return c.ID == id })
	if i < 0 {
		return Contact{}, false
	}
	return l.Contacts[i], true
}

// reaches are the number, address and link of a contact.
func (c Contact) reaches() []Reach {
	var all []Reach
	if c.Phone != "" {
		all = append(all, Reach{vietnamese.Phone, c.Phone, canonicalReach(vietnamese.Phone, c.Phone)})
	}
	if c.URL != "" {
		all = append(all, Reach{vietnamese.Link, c.URL, canonicalReach(vietnamese.Link, strings.ToLower(c.URL))})
	}
	if c.Email != "" {
		all = append(all, Reach{vietnamese.Email, c.Email, strings.ToLower(c.Email)})
	}
	return all
}

// Unlisted returns what of text can be dialled, written to or opened and stands
// neither in the contacts nor in the typed fields of docs. An answer that holds one
// must not leave.
func (l *Library) Unlisted(text string, docs ...*Document) []string {
	found := FindReaches(text)
	if len(found) == 0 {
		return nil
	}
	var listed []Reach
	for _, c := range l.Contacts {
		listed = append(listed, c.reaches()...)
	}
	for _, d := range docs {
		listed = append(listed, FindReaches(d.typedText())...)
	}
	var unlisted []string
	for _, r := range found {
		if !slices.ContainsFunc(listed, r.sameAs) && !slices.Contains(unlisted, r.Text) {
			unlisted = append(unlisted, r.Text)
		}
	}
	return unlisted
}

// sameAs compares with one that is listed; the host alone of a listed link is fine.
func (r Reach) sameAs(listed Reach) bool {
	if r.Kind != listed.Kind {
		return false
	}
	host, _, _ := strings.Cut(listed.Canonical, "/")
	return r.Canonical == listed.Canonical || r.Kind == vietnamese.Link && r.Canonical == host
}

// publicData makes Library.Public.
func (l *Library) publicData() []string {
	var public []string
	for _, c := range l.Contacts {
		for _, reach := range []string{c.Phone, c.Email} {
			if reach != "" {
				public = append(public, reach)
			}
		}
	}
	for _, d := range l.Documents {
		typed := d.typedText()
		for _, r := range FindReaches(typed) {
			if r.Kind != vietnamese.Link {
				public = append(public, r.Text)
			}
		}
		public = appendNamed(public, typed)
		for i := range d.Sections {
			public = appendNamed(public, d.Sections[i].Body)
		}
	}
	return public
}

// appendNamed appends the full names and the addresses in a text of a document, which
// tells of offices and of people who speak for them. One word alone is too many people's
// name.
func appendNamed(public []string, text string) []string {
	_, found := privacy.Mask(text)
	for _, f := range found {
		if (f.Kind == privacy.Name || f.Kind == privacy.Address) && strings.Contains(f.Text, " ") && !slices.Contains(public, f.Text) {
			public = append(public, f.Text)
		}
	}
	return public
}

// ContactsIn returns the contacts whose number, address or link stands in text, in
// the order of the list.
func (l *Library) ContactsIn(text string) []Contact {
	found := FindReaches(text)
	if len(found) == 0 {
		return nil
	}
	var named []Contact
	for _, c := range l.Contacts {
		if slices.ContainsFunc(c.reaches(), func(listed Reach) bool {
			return slices.ContainsFunc(found, func(r Reach) bool { return r.sameAs(listed) })
		}) {
			named = append(named, c)
		}
	}
	return named
}

// Unverified returns the contacts in text that nobody has compared with an official
// page.
func (l *Library) Unverified(text string) []Contact {
	return slices.DeleteFunc(l.ContactsIn(text), func(c Contact) bool { return c.Verified })
}

// Reachable is how one reaches the contact, as printed: its number, else its link,
// address of mail or place.
func (c Contact) Reachable() string {
	for _, s := range []string{c.Phone, linkScheme.ReplaceAllString(c.URL, ""), c.Email, c.Address} {
		if s != "" {
			return s
		}
	}
	return ""
}

var linkScheme = regexp.MustCompile(`^https?://`)

// typedText is what the fields of a document say that numbers and links may come
// from: its rows, its portal, its sources, its office.
func (d *Document) typedText() string {
	var b strings.Builder
	line := func(parts ...string) { b.WriteString(strings.Join(parts, " \n ") + " \n ") }
	line(d.Portal, d.Authority)
	for _, s := range d.Sources {
		line(s.Title, s.URL)
	}
	for _, rows := range [][]Fact{d.Fees, d.Durations, d.Amounts} {
		for _, f := range rows {
			line(f.For, f.Text, f.Note, f.Ask)
		}
	}
	return b.String()
}

// lintContacts checks that each contact can be reached, once, and says where it is
// from.
func (l *Library) lintContacts(report report) {
	seen := make(map[string]bool)
	owner := make(map[string]string)
	for _, c := range l.Contacts {
		switch {
		case c.ID == "" || seen[c.ID]:
			report(c.ID, "contact id %q is empty or there twice", c.ID)
		case c.Name == "":
			report(c.ID, "contact %q has no name", c.ID)
		case c.Reachable() == "":
			report(c.ID, "contact %q has nothing to reach it by", c.ID)
		case c.Source == "" || c.Checked == "":
			report(c.ID, "contact %q has no source or no checked date", c.ID)
		case strings.ContainsAny(c.Phone, "/,;"):
			report(c.ID, "contact %q has several numbers: one contact for each", c.ID)
		}
		if _, err := ParseDate(string(c.Checked)); err != nil && c.Checked != "" {
			report(c.ID, "contact %q: %v", c.ID, err)
		}
		seen[c.ID] = true
		for _, r := range c.reaches() {
			if first, ok := owner[r.Canonical]; ok {
				report(c.ID, "%s is in %q and in %q", r.Text, first, c.ID)
			}
			owner[r.Canonical] = c.ID
		}
	}
}
