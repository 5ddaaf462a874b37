package web

import (
	"net/url"
	"slices"
	"strings"

	"troly/internal/corpus"
	"troly/internal/webhook"
)

// turnView is a turn as it is drawn.
type turnView struct {
	Said    string
	Replies []replyView
	Failed  bool
	Last    bool // of the page: where it opens
}

// replyView is one reply as it is drawn.
type replyView struct {
	Title    string
	Blocks   []block
	Choices  []choiceView
	Sources  []sourceView
	Feedback []choiceView
	Link     string
	Staff    bool // a human wrote it
}

// choiceView is a button: words to ask, an action of the responder, or a link.
type choiceView struct {
	Label, Ask, Action, URL string
}

// sourceView is a document that a reply rests on, with the sections it cites.
type sourceView struct {
	Title    string
	Checked  corpus.Date
	Sections []sectionLink
}

type sectionLink struct {
	N             int
	Name, Address string
}

// views are turns as they are drawn.
func (c *chat) views(turns []turn) []turnView {
	views := make([]turnView, len(turns))
	for i, t := range turns {
		views[i] = c.view(t)
		views[i].Last = i == len(turns)-1
	}
	return views
}

func (c *chat) view(t turn) turnView {
	v := turnView{Said: t.Said, Failed: t.Failed}
	for _, r := range t.Replies {
		v.Replies = append(v.Replies, c.reply(r, t.Cited))
	}
	return v
}

// label is what the button with an action says, as it was last shown.
func label(turns []turn, action string) string {
	for _, t := range slices.Backward(turns) {
		for _, r := range t.Replies {
			for _, b := range r.Choices {
				if b.Action == action {
					return b.Label
				}
			}
			for _, b := range feedbackChoices(r.Feedback) {
				if r.Feedback != "" && b.Action == action {
					return b.Label
				}
			}
		}
	}
	return ""
}

func (c *chat) reply(r webhook.Reply, from []cited) replyView {
	cite := func(n int) (href, name string) {
		for _, s := range r.Sources {
			if s.N == n {
				return c.source(s, from), s.Title + ", " + s.Section
			}
		}
		return "", ""
	}
	text := r.Text
	v := replyView{Link: c.safe(r.Link), Staff: r.Staff}
	if first, rest, more := strings.Cut(text, "\n"); more && slices.ContainsFunc(r.Sources, func(s webhook.Source) bool { return s.Title == first }) {
		v.Title, text = first, rest
	}
	v.Blocks = blocks(text, func(l string) []span { return c.known.line(l, cite) })
	for _, b := range r.Choices {
		button := choiceView{Label: b.Label, Action: b.Action, URL: c.safe(b.URL)}
		if b.Action == "" && b.URL == "" {
			button.Ask = b.Label
		}
		if button.Ask != "" || button.Action != "" || button.URL != "" {
			v.Choices = append(v.Choices, button)
		}
	}
	for _, s := range r.Sources {
		at := slices.IndexFunc(v.Sources, func(have sourceView) bool { return have.Title == s.Title })
		if at < 0 {
			at = len(v.Sources)
			v.Sources = append(v.Sources, sourceView{Title: s.Title, Checked: corpus.Date(s.Checked)})
		}
		v.Sources[at].Sections = append(v.Sources[at].Sections, sectionLink{s.N, s.Section, c.source(s, from)})
	}
	if r.Feedback != "" {
		v.Feedback = feedbackChoices(r.Feedback)
	}
	return v
}

// source is where a source is read: here when it is a document of ours.
func (c *chat) source(s webhook.Source, from []cited) string {
	for _, f := range from {
		if f.N == s.N && f.Title == s.Title && c.library != nil && c.library.Document(f.Document) != nil {
			return documentAddress(f.Document, f.Section)
		}
	}
	return c.safe(s.URL)
}

// safe is a link that may be opened from the page: one of ours, a known one, or one
// of the government; otherwise empty.
func (c *chat) safe(link string) string {
	u, err := url.Parse(link)
	switch {
	case err != nil || link == "":
		return ""
	case u.Scheme == "" && u.Host == "" && strings.HasPrefix(link, "/tt/"):
		return link
	case host(link) == "":
		return ""
	case c.guard.public != nil && strings.EqualFold(u.Host, c.guard.public.Host):
		return link
	case c.known.opens(link):
		return link
	}
	return ""
}

// feedbackChoices are 👍 and 👎, with the actions that every channel gives them.
func feedbackChoices(outcome string) []choiceView {
	good, bad := webhook.Reply{Feedback: outcome}.FeedbackActions()
	return []choiceView{{Label: "👍 Hữu ích", Action: good}, {Label: "👎 Chưa đúng", Action: bad}}
}
