package zalo

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
)

// Headers of a delivery.
const (
	signatureHeader = "X-ZEvent-Signature"
	timestampHeader = "X-ZEvent-Timestamp"
)

// Formulas a delivery of an Official Account may be signed by; the names are those
// given to Observe. All are the plain SHA-256 of four strings in a row, the second
// being the bytes of the body as they came.
const (
	byBodyTimestamp   = "body-timestamp"   // app_id, body, timestamp of the body, secret
	byHeaderTimestamp = "header-timestamp" // app_id, body, X-ZEvent-Timestamp, secret
	byOAID            = "oa-id"            // oa_id, body, timestamp of the body, secret; only when allowed
)

// sum is SHA-256 of all pieces in a row.
func sum(pieces ...[]byte) []byte {
	h := sha256.New()
	for _, p := range pieces {
		h.Write(p)
	}
	return h.Sum(nil)
}

// signature reads the 32 bytes of the header: "mac=" may stand before, with spaces,
// and the case of the hex digits does not matter. Two headers are none.
func signature(header http.Header) ([]byte, bool) {
	values := header.Values(signatureHeader)
	if len(values) != 1 {
		return nil, false
	}
	text := strings.TrimSpace(values[0])
	if name, rest, ok := strings.Cut(text, "="); ok && strings.EqualFold(strings.TrimSpace(name), "mac") {
		text = strings.TrimSpace(rest)
	}
	mac, err := hex.DecodeString(text)
	return mac, err == nil && len(mac) == sha256.Size
}

// verify returns the formula that the delivery is signed by; empty for none. Every
// formula is tried whatever the one before gave, and compared in constant time.
func (a *Account) verify(header http.Header, body []byte, timestamp string) string {
	mac, ok := signature(header)
	if !ok {
		return ""
	}
	secret := []byte(a.opts.Secret)
	found := ""
	try := func(name, first, when string) {
		if subtle.ConstantTimeCompare(mac, sum([]byte(first), body, []byte(when), secret)) == 1 && found == "" && when != "" {
			found = name
		}
	}
	try(byBodyTimestamp, a.opts.AppID, timestamp)
	if h := header.Get(timestampHeader); h != "" && h != timestamp {
		try(byHeaderTimestamp, a.opts.AppID, h)
	}
	if a.opts.AllowOAID && a.opts.OAID != "" {
		try(byOAID, a.opts.OAID, timestamp)
	}
	return found
}

// Secrets are what an operator has to compare a captured delivery with; empty ones
// are not tried.
type Secrets struct {
	AppID, OAID         string
	OASecret, AppSecret string
}

// Finding is what Inspect finds.
type Finding struct {
	Variant  string // words for the formula; empty: none matches
	Accepted bool   // Read takes it as things are set
	Advice   string // what to do, for the operator, Vietnamese
}

// Inspect checks a delivery that an operator has captured against every formula
// that was ever described, right and wrong ones, and says which one matches and what
// to set. header needs X-ZEvent-Signature; body must be the bytes as they came. It
// returns an error for a body that is not JSON or a header that is no signature.
func Inspect(s Secrets, header http.Header, body []byte) (Finding, error) {
	mac, ok := signature(header)
	if !ok {
		return Finding{}, errors.New("inspect a delivery: " + signatureHeader + " is missing, doubled or not 64 hex digits")
	}
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return Finding{}, errors.New("inspect a delivery: the body is not a JSON object")
	}
	type named struct{ name, value string }
	firsts := []named{{"app_id", s.AppID}, {"oa_id", s.OAID}, {"app_id của thân", string(e.AppID)}}
	whens := []named{{"timestamp của thân", string(e.Timestamp)}, {timestampHeader, header.Get(timestampHeader)}, {"không có timestamp", ""}}
	secrets := []named{{"ZALO_OA_SECRET", s.OASecret}, {"ZALO_APP_SECRET", s.AppSecret}}
	for _, secret := range secrets {
		if secret.value == "" {
			continue
		}
		for _, first := range firsts {
			for _, when := range whens {
				if first.value == "" || when.value == "" && when.name != "không có timestamp" {
					continue
				}
				pieces := []byte(first.value + string(body) + when.value)
				name := first.name + " + thân + " + when.name + " + " + secret.name
				if hmac.Equal(mac, sum(pieces, []byte(secret.value))) {
					return plainFinding(name, first.name, when.name, secret.name), nil
				}
				if hmac.Equal(mac, keyed(secret.value, pieces)) {
					return Finding{Variant: "HMAC-SHA256 trên " + name, Advice: "Zalo không ký bằng HMAC: bản ghi này do chương trình khác tạo ra."}, nil
				}
			}
		}
		if hmac.Equal(mac, keyed(secret.value, body)) {
			return Finding{Variant: "HMAC-SHA256 trên thân, khóa " + secret.name, Advice: "Zalo không ký bằng HMAC: bản ghi này do chương trình khác tạo ra."}, nil
		}
	}
	return Finding{Advice: "Không công thức nào khớp. Kiểm tra lại khóa bí mật của OA (trang Webhook của ứng dụng), app_id, và bản ghi phải giữ nguyên từng byte của thân."}, nil
}

func plainFinding(name, first, when, secret string) Finding {
	f := Finding{Variant: name}
	switch {
	case secret == "ZALO_APP_SECRET":
		f.Advice = "Sự kiện được ký bằng khóa bí mật của ứng dụng: đặt giá trị đó vào ZALO_OA_SECRET."
	case first == "app_id của thân":
		f.Advice = "Sự kiện thuộc một ứng dụng khác: sửa ZALO_APP_ID cho đúng ứng dụng đã liên kết với OA."
	case when == "không có timestamp":
		f.Advice = "Sự kiện không ký kèm thời gian nên bị từ chối: không chống được gửi lại."
	case first == "oa_id":
		f.Advice = "Công thức này chỉ được nhận khi đặt ZALO_SIGNATURE_OA_ID=true."
	default:
		f.Accepted, f.Advice = true, "Công thức này được nhận, không phải làm gì."
	}
	return f
}

func keyed(secret string, data []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write(data)
	return h.Sum(nil)
}
