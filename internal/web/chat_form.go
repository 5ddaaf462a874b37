package web

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"troly/internal/privacy"
	"troly/internal/webhook"
)

// Limits of a form of the chat page.
const (
	maxForm   = 16 << 10 // bytes
	maxAsked  = 2000     // bytes of a question: longer ones are cut
	maxAction = 64       // bytes, as in webhook.Choice
)

// newKey names a dialogue or a form: 128 random bits.
func newKey() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

var keyForm = regexp.MustCompile(`^[A-Za-z0-9_-]{22}$`)

// chatForm is a form of the chat page.
type chatForm struct {
	message webhook.Message
	said    string // shown as what the person said
	frame   bool
}

var (
	errEmpty = errors.New("nothing was asked")
	errLarge = errors.New("the form is too large")
)

// read takes a form. The person of the web is the dialogue: nothing else is known.
func (c *chat) read(w http.ResponseWriter, r *http.Request) (chatForm, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	var large *http.MaxBytesError
	if err := r.ParseForm(); errors.As(err, &large) {
		return chatForm{frame: r.URL.Query().Get("khung") == "1"}, errLarge
	} else if err != nil {
		return chatForm{}, errEmpty
	}
	f := chatForm{frame: r.PostForm.Get("khung") == "1"}
	m := webhook.Message{Channel: Channel, Key: r.PostForm.Get("khoa"), Kind: webhook.Text, Sent: c.now()}
	if !keyForm.MatchString(m.Key) {
		m.Key = newKey()
	}
	if f.frame {
		m.Dialogue = r.PostForm.Get("h")
	} else {
		m.Dialogue = c.cookie(r, false)
	}
	if !keyForm.MatchString(m.Dialogue) {
		m.Dialogue = newKey()
	}
	m.Person = m.Dialogue
	text := clean(r.PostForm.Get("q"))
	action := r.PostForm.Get("action")
	switch {
	case action != "" && len(action) <= maxAction:
		m.Kind, m.Action = webhook.Button, action
	case commands[r.PostForm.Get("lenh")] != "":
		m.Command = r.PostForm.Get("lenh")
		f.said = commands[m.Command]
	case text == "":
		return f, errEmpty
	default:
		f.said, m.Text = text, text // the responder reads commands in it
	}
	f.message = m
	return f, nil
}

// commands that the page has buttons for, in words.
var commands = map[string]string{"moi": "Bắt đầu câu chuyện mới", "canbo": "Gặp cán bộ", "xoa": "Xóa dữ liệu của tôi", "help": "Hướng dẫn"}

// clean is a text of a form without personal data: one line, NFC, not too long. It is
// masked before it is cut, since half a number would not be known for one.
func clean(s string) string {
	s = norm.NFC.String(strings.ToValidUTF8(s, ""))
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	s, _ = privacy.Mask(s)
	return strings.TrimSpace(clip(strings.TrimSpace(s), maxAsked))
}
