// Package zalo is the two ways to write with people on Zalo: Account, an Official
// Account over OpenAPI v3, and Bot, a bot of the Bot Platform. Both read deliveries
// and send replies; taking deliveries in, order and repeats are package webhook's,
// wording is package conversation's, and the tokens of an Official Account are kept
// by whoever implements Tokens. Zalo answers most errors with status 200, so what an
// answer means is read from its body.
//
// A Bot that polls can lose a message: Zalo forgets an update when it hands it out, and
// knows no offset, see Bot.Poll. With a webhook nothing is lost.
//
// No address found in a delivery is ever called: a picture, a recording or a file
// is told of and stays on Zalo.
package zalo

import (
	"encoding/json"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"troly/internal/privacy"
	"troly/internal/webhook"
)

// Limits of what is read.
const (
	maxText = 10_000 // runes of a message; a person cannot type more than 3,000 or so
	maxID   = 128    // bytes of a name Zalo gives; theirs have 20
)

// scalar is a field that Zalo sends as text or as a number; a number keeps all its
// digits. Anything else is empty.
type scalar string

func (s *scalar) UnmarshalJSON(data []byte) error {
	*s = ""
	switch c := data[0]; {
	case c == '"':
		var text string
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
		*s = scalar(text)
	case c == '-' || c >= '0' && c <= '9':
		*s = scalar(data)
	}
	return nil
}

// id is the scalar as a name: empty when it cannot be one.
func (s scalar) id() string {
	if len(s) > maxID || strings.IndexFunc(string(s), func(r rune) bool { return r <= ' ' || r == 0x7f || r == utf8.RuneError }) >= 0 {
		return ""
	}
	return string(s)
}

// into decodes what fits and leaves the rest empty: a field of another shape than
// documented is no reason to refuse a delivery that Zalo has signed.
func into(data json.RawMessage, v any) {
	if len(data) > 0 {
		_ = json.Unmarshal(data, v) // what failed stays zero
	}
}

// words is text of a person as it is kept: NFC, without control characters, of
// bounded length, personal data masked.
func words(text string) string {
	text = plain(text)
	text, _ = privacy.Mask(text)
	return text
}

func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || !unicode.IsControl(r) {
			return r
		}
		return -1
	}, strings.ReplaceAll(text, "\r\n", "\n"))
	text = strings.TrimSpace(norm.NFC.String(text))
	n := 0
	for i := range text {
		if n++; n > maxText {
			return text[:i]
		}
	}
	return text
}

// counted is what a label of a metric may be: small letters, digits, _ and -.
func counted(name string) string {
	if name == "" || len(name) > 48 || strings.IndexFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.')
	}) >= 0 {
		return "other"
	}
	return name
}

// ignored is a delivery that is acknowledged and counted, and nothing else.
func ignored(channel, why string) []webhook.Message {
	return []webhook.Message{{Channel: channel, Kind: webhook.Ignored, Action: why}}
}

// address is what an answer needs of the message it answers.
type address struct {
	Message string `json:"msg_id,omitempty"`
}

func addressOf(message string) json.RawMessage {
	if message == "" {
		return nil
	}
	data, _ := json.Marshal(address{message}) // a struct of one string: cannot fail
	return data
}

// Observe counts what happens inside a channel that its caller cannot see. what
// and which are constant words:
//
//	signature  body-timestamp, header-timestamp, oa-id: which formula a delivery was signed by
//	token      refreshed, failed, refused, stored-unreadable
//	quota      low: under a tenth of what the answers of Zalo call total is left
//	fallback   without-quote, without-buttons, split: a part was refused and sent in a plainer way
type Observe func(what, which string)

func orNothing(log *slog.Logger, observe Observe) (*slog.Logger, Observe) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if observe == nil {
		observe = func(string, string) {}
	}
	return log, observe
}

// millis reads a time of Zalo, in milliseconds or, below 1e12, in seconds.
func millis(s scalar) (time.Time, bool) {
	var n int64
	if err := json.Unmarshal([]byte(s), &n); err != nil || n <= 0 || n > 1e14 {
		return time.Time{}, false
	}
	if n < 1e12 {
		n *= 1000
	}
	return time.UnixMilli(n).UTC(), true
}
