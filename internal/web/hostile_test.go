package web_test

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/net/html"

	"troly/internal/corpus"
	"troly/internal/web"
	"troly/internal/webhook"
	"troly/knowledge"
)

// hostile is what somebody could try to bring onto a page.
var hostile = []string{
	`<script>pwned()</script>`, `"><img src=x onerror=pwned()>`, `'><svg onload=pwned()>`, `javascript:pwned()`, `</textarea><script>pwned()</script>`,
	`{{.Page}}{{template "base"}}`, `</title><script>pwned()</script>`, `https://evil.example/"onmouseover="pwned()`, `<a href=javascript:pwned()>x</a>`,
	`https://dichvucong.gov.vn@evil.example/`, "https://dichvucong.gov.vn\\@evil.example", `--><script>pwned()</script>`, `<base href=https://evil.example>`,
	`https://evil.example/dichvucong.gov.vn`, `https://dichvucong.gov.vn.evil.example`,
}

// hostileLibrary is the knowledge with one more document, made of hostile text.
func hostileLibrary(t testing.TB, texts []string) *corpus.Library {
	t.Helper()
	all := strings.Join(texts, " ")
	quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(all) + `"`
	doc := fmt.Sprintf(`---
id: thu-nghiem
title: %[1]s
kind: procedure
aliases: [%[1]s]
asked: [%[1]s]
codes: [%[1]s]
field: %[1]s
audience: both
level: commune
authority: %[1]s
submit: [in_person]
portal: %[1]s
fees:
  - {for: %[1]s, value: 5000, unit: đồng, note: %[1]s, condition: {who: %[2]s}, legal: %[1]s}
  - {for: Mức cũ, value: 4000, unit: đồng, valid_to: 2026-01-31}
  - {for: Mức mới, value: 6000, unit: đồng, valid_from: 2027-03-01}
  - {for: Chưa rõ, ask: UBND xã}
legal_basis:
  - {ref: %[1]s, title: %[1]s}
valid_to: 2027-05-31
checked: 2026-11-23
confidence: low
sources:
  - {title: %[1]s, url: %[1]s, date: 2026-11-01}
---

## Tóm tắt

%[3]s

## Hồ sơ

- %[3]s
`, cmpOr(quoted, "Thử nghiệm"), cmpOr(quoted, "hộ nghèo"), strings.ReplaceAll(cmpOr(all, "Thử"), "\n", " "))
	files := fstest.MapFS{"procedures/thu-nghiem.md": {Data: []byte(doc)}}
	err := fs.WalkDir(knowledge.FS, ".", func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !strings.HasPrefix(path, "procedures/") {
			data, readErr := fs.ReadFile(knowledge.FS, path)
			files[path] = &fstest.MapFile{Data: data}
			return readErr
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	lib, problems, err := corpus.Load(files)
	if err != nil || lib.Document("thu-nghiem") == nil {
		t.Fatalf("the hostile document was not read: %v %v", err, problems)
	}
	return lib
}

func cmpOr(quoted, otherwise string) string {
	if strings.Trim(quoted, `"`) == "" {
		return otherwise
	}
	return quoted
}

// hostileReply answers with hostile text in every field.
type hostileReply struct{}

func (hostileReply) Respond(_ context.Context, m webhook.Message, _ []byte, release func(string)) webhook.Response {
	all := strings.Join(hostile, " ")
	reply := webhook.Reply{Text: all + "\n- " + all + "\n1. " + m.Text + " [1]", Feedback: all, Link: "javascript:pwned()"}
	for _, h := range hostile {
		reply.Choices = append(reply.Choices, webhook.Choice{Label: h, Action: h}, webhook.Choice{Label: h, URL: h}, webhook.Choice{Label: h})
		reply.Sources = append(reply.Sources, webhook.Source{N: 1, Title: h, Section: h, URL: h, Checked: h})
	}
	if release != nil {
		release(all)
	}
	return webhook.Response{Replies: []webhook.Reply{reply}, Outcome: &webhook.Outcome{Body: []byte(`{"citations":[{"n":1,"document":"\"><script>pwned()</script>","section":"x","title":"x"}]}`)}}
}

// harmless reports what a page would do beyond what our templates say.
func harmless(t *testing.T, what, page string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		attrs := make(map[string]string)
		for _, a := range n.Attr {
			attrs[a.Key] = a.Val
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc" || a.Key == "formaction" {
				t.Errorf("%s: <%s %s=%q>", what, n.Data, a.Key, a.Val)
			}
		}
		switch n.Data {
		case "script":
			if !strings.HasPrefix(attrs["src"], "/static/") || n.FirstChild != nil {
				t.Errorf("%s: a script: %v", what, attrs)
			}
		case "img":
			if !strings.HasPrefix(attrs["src"], "/tt/") {
				t.Errorf("%s: a picture: %v", what, attrs)
			}
		case "base", "iframe", "object", "embed", "svg", "style", "meta":
			if n.Data != "meta" || attrs["http-equiv"] != "" {
				t.Errorf("%s: <%s %v>", what, n.Data, attrs)
			}
		case "form":
			if !strings.HasPrefix(attrs["action"], "/") || strings.HasPrefix(attrs["action"], "//") {
				t.Errorf("%s: a form to %s", what, attrs["action"])
			}
		}
		if href, ok := attrs["href"]; ok && !ourLinks.MatchString(href) {
			t.Errorf("%s: a link to %s", what, href)
		}
	}
}

// ourLinks are those of our pages, of the government, and to dial.
var ourLinks = regexp.MustCompile(`^(?:/$|/[^/\\]|#|tel:\d+$|https://(?:[a-z0-9-]+\.)+gov\.vn(?:/|$)|http://127\.0\.0\.1:\d+/)`)

func TestHostileText(t *testing.T) {
	lib := hostileLibrary(t, hostile)
	r := newReader(t, serve(t, web.Options{Assistant: hits{"thu-nghiem"}, Log: slog.New(slog.DiscardHandler), Now: someNow, Library: lib, Responder: hostileReply{}, AsksPerMinute: 1000}))
	for _, path := range []string{"/tt/thu-nghiem", "/tt/thu-nghiem/phieu", "/tt", "/tt?q=x"} {
		status, _, page := r.get(path)
		if status != 200 || !strings.Contains(words(t, page), "pwned()") {
			t.Errorf("GET %s = %d: the hostile text is not there to be seen as text", path, status)
		}
		harmless(t, path, page)
	}
	for _, h := range hostile {
		_, _, page := r.get("/tt?q=" + url.QueryEscape(h) + "&nhom=" + url.QueryEscape(h))
		harmless(t, "search for "+h, page)
		_, _, page = r.post("/", "q", h, "khoa", h, "khung", h, "h", h)
		harmless(t, "asked "+h, page)
		_, _, page = r.post("/", "action", h[:min(60, len(h))], "nhan", h)
		harmless(t, "pressed "+h, page)
		_, _, page = r.get("/" + url.PathEscape(h))
		harmless(t, "opened "+h, page)
		_, _, stream := r.post("/chat", "q", h)
		for line := range strings.Lines(stream) {
			if data, ok := strings.CutPrefix(line, `data: {"html":`); ok {
				harmless(t, "streamed "+h, must(unquote(data)))
			} else if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "data: ") && !strings.HasPrefix(line, "event: ") && line != ":\n" {
				t.Errorf("a line of the stream is none of ours: %q", line)
			}
		}
	}
}
