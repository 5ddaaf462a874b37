package zalo

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"troly/internal/webhook"
)

// refusedSamples are the sample deliveries that are not taken, with their status.
var refusedSamples = map[string]int{"31": 401, "41": 401, "42": 401, "43": 401, "44": 401, "45": 401, "46": 401, "52": 403, "55": 400}

func TestZ01OnlyWhatIsSignedIsTaken(t *testing.T) {
	w := newWorld(t)
	a := w.account(t)
	for number, s := range samples(t, "oa") {
		want := http.StatusOK
		if status, ok := refusedSamples[number]; ok {
			want = status
		}
		if m, status := read(t, a, s); status != want {
			t.Errorf("Read(%s) = %+v, status %d, want %d (%s)", s.File, m, status, want, s.Expect)
		}
	}
	doubled := samples(t, "oa")["01"]
	doubled.header.Add(signatureHeader, doubled.header.Get(signatureHeader))
	if _, status := read(t, a, doubled); status != http.StatusUnauthorized {
		t.Errorf("two signatures: status %d, want 401", status)
	}
}

func TestZ02TheBytesAreHashedAsTheyCame(t *testing.T) {
	a := newWorld(t).account(t)
	s := samples(t, "oa")["37"]
	m, status := read(t, a, s)
	if want := "Đăng ký tạm trú / thường trú"; status != 200 || m.Text != want {
		t.Errorf("Read(%s) = %q, %d; want %q, 200", s.File, m.Text, status, want)
	}
	s.body = append(bytes.Clone(s.body), ' ')
	if _, status := read(t, a, s); status != 401 {
		t.Errorf("with a space more: status %d, want 401", status)
	}
}

// Comparing in constant time cannot be seen from outside; that no prefix of the
// right signature is taken can.
func TestZ03SpellingsOfTheSignature(t *testing.T) {
	a := newWorld(t).account(t)
	all := samples(t, "oa")
	for _, number := range []string{"38", "39"} {
		if m, status := read(t, a, all[number]); status != 200 || !kept(m) {
			t.Errorf("Read(%s) = %+v, %d; want it taken", all[number].File, m, status)
		}
	}
	good := strings.TrimPrefix(all["01"].Headers[signatureHeader], "mac=")
	for _, bad := range []string{"", "mac=", "mac=" + good[:62], "mac=" + good + "00", "mac=mac=" + good, "sha=" + good, "mac=" + strings.Repeat("z", 64)} {
		s := all["01"]
		s.header = http.Header{}
		s.header.Set(signatureHeader, bad)
		if _, status := read(t, a, s); status != 401 {
			t.Errorf("signature %q: status %d, want 401", bad, status)
		}
	}
}

func TestZ04TheFormulaThatMatchedIsCounted(t *testing.T) {
	w := newWorld(t)
	a := w.account(t)
	all := samples(t, "oa")
	read(t, a, all["01"])
	if m, status := read(t, a, all["40"]); status != 200 || m.Sent.UnixMilli() > sampleClock {
		t.Errorf("Read(40) = %+v, %d; want it taken by the header's time, not later than now", m, status)
	}
	if w.counts.get("signature body-timestamp") != 1 || w.counts.get("signature header-timestamp") != 1 {
		t.Errorf("counted %v, want each formula once", w.counts.n)
	}
	if _, status := read(t, a, all["41"]); status != 401 {
		t.Errorf("Read(41) without the switch: %d, want 401", status)
	}
	w.opts.AllowOAID = true
	if _, status := read(t, w.account(t), all["41"]); status != 200 || w.counts.get("signature oa-id") != 1 {
		t.Errorf("Read(41) with the switch: %d, counted %v; want 200 and oa-id once", status, w.counts.n)
	}
}

func TestZ05NoSecretNoChannel(t *testing.T) {
	w := newWorld(t)
	w.opts.Secret = ""
	if a, err := NewAccount(w.opts); a != nil || err == nil || !strings.Contains(err.Error(), "ZALO_OA_SECRET") {
		t.Errorf("NewAccount without a secret = %v, %v; want an error that names ZALO_OA_SECRET", a, err)
	}
}

func TestZ06OtherAppsAndAccounts(t *testing.T) {
	a := newWorld(t).account(t)
	all := samples(t, "oa")
	if _, status := read(t, a, all["52"]); status != 403 {
		t.Errorf("another app: status %d, want 403", status)
	}
	if m, status := read(t, a, all["53"]); status != 200 || m.Kind != webhook.Ignored || m.Action != "other-account" {
		t.Errorf("another account = %+v, %d; want ignored as other-account, 200", m, status)
	}
}

func TestZ07AgeAndRepeats(t *testing.T) {
	a := newWorld(t).account(t)
	all := samples(t, "oa")
	for number, want := range map[string]string{"47": "too-old", "49": "", "50": ""} {
		m, status := read(t, a, all[number])
		if got := m.Action; status != 200 || got != want || kept(m) != (want == "") {
			t.Errorf("Read(%s) = %+v, %d; want 200, ignored as %q", all[number].File, m, status, want)
		}
		if m.Sent.UnixMilli() > sampleClock {
			t.Errorf("Read(%s) was sent at %v, after now", all[number].File, m.Sent)
		}
	}
	once, _ := read(t, a, all["01"])
	again, _ := read(t, a, all["48"])
	if once.Key == "" || once.Key != again.Key {
		t.Errorf("keys of a delivery and its repeat: %q and %q, want the same", once.Key, again.Key)
	}
	w := newWorld(t)
	w.clock.Add(-25 * time.Hour)
	if m, status := read(t, w.account(t), all["01"]); status != 200 || m.Action != "from-the-future" {
		t.Errorf("a delivery 25 hours ahead = %+v, %d; want it ignored", m, status)
	}
}

func TestZ09AProbeIsAcknowledgedAndNothingElse(t *testing.T) {
	w := newWorld(t)
	a := w.account(t)
	if !a.Probed() {
		t.Error("GET is not answered")
	}
	for _, body := range []string{"{}", " {\n} "} {
		if m, status := read(t, a, sample{File: body, body: []byte(body), header: http.Header{}}); status != 200 || m.Action != "probe" {
			t.Errorf("unsigned %q = %+v, %d; want ignored as probe, 200", body, m, status)
		}
	}
	for _, body := range []string{"", "[]", "null", "{\"event_name\":\"user_send_text\"}", "{} {}", "\"{}\""} {
		if _, status := read(t, a, sample{File: body, body: []byte(body), header: http.Header{}}); status != 400 && status != 401 {
			t.Errorf("unsigned %q: status %d, want 400 or 401", body, status)
		}
	}
	if n := len(w.Calls("")); n != 0 {
		t.Errorf("%d calls were made", n)
	}
}

func TestZ10WhoIsGreetedAndWhoIsNot(t *testing.T) {
	a := newWorld(t).account(t)
	all := samples(t, "oa")
	for number, want := range map[string]webhook.Kind{
		"09": webhook.Joined, "10": webhook.Left, "13": webhook.TookOver, "14": webhook.Ignored, "15": webhook.Ignored,
		"16": webhook.Ignored, "17": webhook.Ignored, "19": webhook.Joined, "20": webhook.Ignored, "54": webhook.Ignored,
		"25": webhook.Ignored, "26": webhook.Ignored,
	} {
		m, _ := read(t, a, all[number])
		if m.Kind != want {
			t.Errorf("Read(%s) is %s, want %s", all[number].File, m.Kind, want)
		}
		if kept(m) && (m.Dialogue != sampleUser || m.Person != sampleUser || m.Key == "" || m.Channel != "zalo" || m.Text != "") {
			t.Errorf("Read(%s) = %+v, want a message without text of the person", all[number].File, m)
		}
	}
}

func TestZ11NumbersAndTextAreTheSame(t *testing.T) {
	a := newWorld(t).account(t)
	all := samples(t, "oa")
	for number, kind := range map[string]webhook.Kind{"06": webhook.File, "07": webhook.File, "08": webhook.File, "32": webhook.Text, "33": webhook.Text} {
		m, status := read(t, a, all[number])
		if status != 200 || m.Kind != kind || m.Person != sampleUser || m.Sent.UnixMilli() != sampleClock {
			t.Errorf("Read(%s) = %+v, %d; want %s of %s at %d", all[number].File, m, status, kind, sampleUser, int64(sampleClock))
		}
		if kind == webhook.File && (m.Media == nil || m.Media.Kind != "location") {
			t.Errorf("Read(%s) has media %+v, want a location", all[number].File, m.Media)
		}
	}
}

func TestZ12WhatNobodyThoughtOf(t *testing.T) {
	w := newWorld(t)
	a := w.account(t)
	all := samples(t, "oa")
	for number, want := range map[string]string{"27": "user_does_new_thing", "29": "no-sender", "30": "no-message"} {
		if m, status := read(t, a, all[number]); status != 200 || m.Action != want {
			t.Errorf("Read(%s) = %+v, %d; want ignored as %s", all[number].File, m, status, want)
		}
	}
	if m, status := read(t, a, all["28"]); status != 200 || m.Kind != webhook.File {
		t.Errorf("Read(28) = %+v, %d; want a file", m, status)
	}
	if _, status := read(t, a, all["31"]); status != 401 {
		t.Errorf("Read(31): %d, want 401", status)
	}
	for _, event := range []string{
		`"sender":7,"recipient":[],"message":{"msg_id":{},"text":[1]}`, `"sender":{"id":{"a":1}},"message":"x"`, `"sender":{"id":"a b"},"message":{"text":"x"}`,
		`"sender":{"id":"1"},"message":{"text":null}`, `"sender":{"id":"1"},"message":{"attachments":{"a":1}}`, `"sender":{"id":"` + strings.Repeat("1", 500) + `"},"message":{"text":"x"}`,
	} {
		body := []byte(`{"app_id":"` + sampleApp + `","event_name":"user_send_text","timestamp":"1795397400000",` + event + `}`)
		if m, status := read(t, a, w.signed(body)); status != 200 || kept(m) {
			t.Errorf("Read(%s) = %+v, %d; want it ignored", event, m, status)
		}
	}
}

// No call is made by reading, and what an answer says is no address of a delivery.
func TestZ13NoAddressOfADeliveryIsCalled(t *testing.T) {
	w := newWorld(t)
	a := w.account(t)
	all := samples(t, "oa")
	for _, number := range []string{"04", "05", "21", "22", "23", "24"} {
		m, status := read(t, a, all[number])
		if status != 200 || !kept(m) || m.Media == nil {
			t.Fatalf("Read(%s) = %+v, %d; want a file", all[number].File, m, status)
		}
		data, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte("http")) || bytes.Contains(data, []byte("169.254")) {
			t.Errorf("Read(%s) keeps an address: %s", all[number].File, data)
		}
	}
	if _, ok := any(a).(webhook.Fetcher); ok {
		t.Error("the account fetches files")
	}
	if _, ok := any(&Bot{}).(webhook.Fetcher); ok {
		t.Error("the bot fetches files")
	}
	if n := len(w.Calls("")); n != 0 {
		t.Errorf("%d calls were made", n)
	}
}

func TestZ14PersonalDataStaysOut(t *testing.T) {
	w := newWorld(t)
	a := w.account(t)
	all := samples(t, "oa")
	var out bytes.Buffer
	for _, number := range []string{"11", "12", "18", "24"} {
		m, status := read(t, a, all[number])
		if status != 200 || (number != "24") != (m.Kind == webhook.Ignored) {
			t.Errorf("Read(%s) = %+v, %d", all[number].File, m, status)
		}
		if err := json.NewEncoder(&out).Encode(m); err != nil {
			t.Fatal(err)
		}
	}
	told, _ := read(t, a, w.signed(w.Event("user_send_text", sampleUser, "số của tôi là 0912345678 nhé")))
	if strings.Contains(told.Text, "0912345678") || !strings.Contains(told.Text, "số của tôi") {
		t.Errorf("text is kept as %q, want it masked", told.Text)
	}
	card, _ := read(t, a, w.signed(w.Event("user_send_business_card", sampleUser, "Trần Thị Thử")))
	if card.Kind != webhook.File || card.Text != "" {
		t.Errorf("a card is kept as %+v, want a file without its words", card)
	}
	for _, personal := range []string{"84900000003", "84900000004", "Nguyễn Văn Thử", "01/01/1990", "Thôn 1", "0912345678"} {
		if strings.Contains(out.String()+w.log.String(), personal) {
			t.Errorf("%q is in what is kept or logged", personal)
		}
	}
}

func TestReadGivesWhatPeopleWrite(t *testing.T) {
	a := newWorld(t).account(t)
	all := samples(t, "oa")
	nfd, _ := read(t, a, all["35"])
	if !norm.NFC.IsNormalString(nfd.Text) || !strings.Contains(nfd.Text, "căn cước công dân") {
		t.Errorf("NFD text is kept as %q", nfd.Text)
	}
	for number, want := range map[string]struct {
		kind  webhook.Kind
		media string
		text  string
	}{
		"01": {webhook.Text, "", "Cấp lại thẻ căn cước ở đâu?"},
		"02": {webhook.Text, "", "Còn bước này?"},
		"03": {webhook.Text, "", "lephi 1.004772"},
		"04": {webhook.File, "photo", "Mẫu này đúng chưa?"},
		"05": {webhook.Voice, "voice", ""},
		"21": {webhook.File, "sticker", ""},
		"22": {webhook.File, "document", ""},
		"23": {webhook.File, "document", ""},
		"24": {webhook.File, "contact", ""},
		"34": {webhook.Text, "", "👩‍🌾👨‍👩‍👧‍👦 Gia đình tôi muốn đăng ký khai sinh cho bé 👶🏽 ạ 🇻🇳❤️‍🔥"},
	} {
		m, _ := read(t, a, all[number])
		media := ""
		if m.Media != nil {
			media = m.Media.Kind
		}
		if m.Kind != want.kind || media != want.media || m.Text != want.text {
			t.Errorf("Read(%s) = %s, media %q, text %q; want %s, %q, %q", all[number].File, m.Kind, media, m.Text, want.kind, want.media, want.text)
		}
	}
	if m, _ := read(t, a, all["22"]); m.Media.Bytes != 1024000 {
		t.Errorf("size of the file = %d, want 1024000", m.Media.Bytes)
	}
	if m, _ := read(t, a, all["36"]); len([]rune(m.Text)) < 2900 {
		t.Errorf("a text of 3,000 is kept with %d runes", len([]rune(m.Text)))
	}
}

func TestKeywordsAreCommands(t *testing.T) {
	w := newWorld(t)
	a := w.account(t)
	for text, want := range map[string]webhook.Message{
		"Trợ giúp": {Kind: webhook.Text, Command: "help"}, "gap can bo": {Kind: webhook.Text, Command: "canbo"},
		"xóa dữ liệu": {Kind: webhook.Text, Command: "xoa"}, "bắt đầu": {Kind: webhook.Joined, Command: "start"},
		"đổi xã Mường Lai": {Kind: webhook.Text, Command: "xa", Text: "xã Mường Lai"}, "#Khai sinh ở đâu": {Kind: webhook.Text, Text: "Khai sinh ở đâu"},
	} {
		m, _ := read(t, a, w.signed(w.Event("user_send_text", sampleUser, text)))
		if m.Kind != want.Kind || m.Command != want.Command || m.Text != want.Text {
			t.Errorf("Read(%q) = %s, command %q, text %q; want %s, %q, %q", text, m.Kind, m.Command, m.Text, want.Kind, want.Command, want.Text)
		}
	}
}

func TestInspectNamesTheFormula(t *testing.T) {
	all := samples(t, "oa")
	secrets := Secrets{AppID: sampleApp, OAID: sampleOA, OASecret: sampleSecret, AppSecret: sampleAppSecret}
	for number, want := range map[string]struct {
		accepted bool
		variant  string
		advice   string
	}{
		"01": {true, "app_id + thân + timestamp của thân + ZALO_OA_SECRET", "được nhận"},
		"37": {true, "app_id + thân + timestamp của thân + ZALO_OA_SECRET", "được nhận"},
		"40": {true, "X-ZEvent-Timestamp", "được nhận"},
		"41": {false, "oa_id + thân", "ZALO_SIGNATURE_OA_ID"},
		"42": {false, "HMAC", "không ký bằng HMAC"},
		"43": {false, "ZALO_APP_SECRET", "ZALO_OA_SECRET"},
		"44": {false, "", "Không công thức nào khớp"},
		"46": {false, "", "từng byte"},
		"52": {false, "app_id của thân", "ZALO_APP_ID"},
		"31": {false, "không có timestamp", "bị từ chối"},
	} {
		got, err := Inspect(secrets, all[number].header, all[number].body)
		if err != nil || got.Accepted != want.accepted || !strings.Contains(got.Variant, want.variant) || (want.variant == "") != (got.Variant == "") || !strings.Contains(got.Advice, want.advice) {
			t.Errorf("Inspect(%s) = %+v, %v; want %+v", all[number].File, got, err, want)
		}
	}
	for _, number := range []string{"45", "55"} {
		if got, err := Inspect(secrets, all[number].header, all[number].body); err == nil {
			t.Errorf("Inspect(%s) = %+v, want an error", all[number].File, got)
		}
	}
}

func FuzzAccountRead(f *testing.F) {
	for _, s := range samples(f, "oa") {
		f.Add(s.body)
	}
	w := newWorld(f)
	a := w.account(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := a.Read(w.Sign(body), body)
		checkRead(t, got, err)
		if _, err := Inspect(Secrets{AppID: sampleApp, OASecret: sampleSecret}, w.Sign(body), body); err == nil && !json.Valid(body) {
			t.Errorf("Inspect takes %q", body)
		}
	})
}

// checkRead checks what holds for every delivery.
func checkRead(t *testing.T, got []webhook.Message, err error) {
	t.Helper()
	if err != nil {
		if r, ok := err.(*webhook.Refusal); !ok || r.Status < 400 || r.Status > 403 || len(got) > 0 {
			t.Fatalf("Read = %v, %v", got, err)
		}
		return
	}
	for _, m := range got {
		if m.Kind == webhook.Ignored {
			if m.Action == "" || counted(m.Action) != m.Action {
				t.Fatalf("ignored as %q, which is no label", m.Action)
			}
			continue
		}
		if m.Channel == "" || m.Key == "" || m.Dialogue == "" || m.Person == "" || m.Sent.IsZero() {
			t.Fatalf("Read = %+v, a field is missing", m)
		}
		if !norm.NFC.IsNormalString(m.Text) || strings.ContainsRune(m.Text, 0) || len([]rune(m.Text)) > 2*maxText {
			t.Fatalf("text is kept as %q", m.Text)
		}
		if len(m.Action) > maxAction || (m.Kind == webhook.Button) != (m.Action != "") {
			t.Fatalf("kind %s with action %q", m.Kind, m.Action)
		}
		if _, err := json.Marshal(m); err != nil {
			t.Fatal(err)
		}
	}
}
