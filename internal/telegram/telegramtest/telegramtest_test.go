package telegramtest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// ask calls a method and gives the status, the description of a refusal and the result.
func ask(t *testing.T, a *API, path, contentType, body string) (int, string, json.RawMessage) {
	t.Helper()
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	var envelope struct {
		OK          bool
		Description string
		Result      json.RawMessage
	}
	if err := json.Unmarshal(w.Body.Bytes(), &envelope); err != nil || envelope.OK != (w.Code == http.StatusOK) {
		t.Fatalf("%s: %d %s is no envelope", path, w.Code, w.Body)
	}
	return w.Code, envelope.Description, envelope.Result
}

// The server refuses what Telegram refuses, or tests against it would prove nothing.
func TestRefusals(t *testing.T) {
	a := New(Options{})
	defer a.Close()
	form := func(pairs ...string) string {
		v := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v.Encode()
	}
	const at = "/bot" + Token + "/"
	for _, tt := range []struct {
		path, body string
		status     int
		want       string
	}{
		{at + "getMe", "", 200, ""},
		{at + "GETME", "", 200, ""},
		{at + "getNothing", "", 404, "method not found"},
		{"/bot1:wrong/getMe", "", 401, "Unauthorized"},
		{"/", "", 404, "Not Found"},
		{at + "sendMessage", form("chat_id", "5", "text", strings.Repeat("😀", 4096)), 200, ""},
		{at + "sendMessage", form("chat_id", "5", "text", strings.Repeat("😀", 4097)), 400, "message is too long"},
		{at + "sendMessage", form("chat_id", "5", "text", " \n"), 400, "message text is empty"},
		{at + "sendMessage", form("chat_id", "x", "text", "a"), 400, "chat not found"},
		{at + "sendMessage", form("chat_id", "5", "text", "\xff"), 400, "UTF-8"},
		{at + "sendMessage", form("chat_id", "5", "parse_mode", "HTML", "text", "<b>a</b> &lt; <a href=\"https://a.vn\">b</a>"), 200, ""},
		{at + "sendMessage", form("chat_id", "5", "parse_mode", "HTML", "text", "<p>a</p>"), 400, "can't parse entities"},
		{at + "sendMessage", form("chat_id", "5", "parse_mode", "HTML", "text", "a < b"), 400, "can't parse entities"},
		{at + "sendMessage", form("chat_id", "5", "parse_mode", "HTML", "text", "<b>a"), 400, "can't parse entities"},
		{at + "sendMessage", form("chat_id", "5", "parse_mode", "HTML", "text", "<b>a</i>"), 400, "can't parse entities"},
		{at + "sendMessage", form("chat_id", "5", "text", "a", "reply_markup", `{"inline_keyboard":[[{"text":"a","callback_data":"`+strings.Repeat("x", 65)+`"}]]}`), 400, "BUTTON_DATA_INVALID"},
		{at + "sendMessage", form("chat_id", "5", "text", "a", "reply_markup", `{"inline_keyboard":[[{"text":"a"}]]}`), 400, "unallowed"},
		{at + "sendMessageDraft", form("chat_id", "5", "draft_id", "0", "text", "a"), 400, "RANDOM_ID"},
		{at + "sendMessageDraft", form("chat_id", "-5", "draft_id", "1", "text", "a"), 400, "PEER"},
		{at + "answerCallbackQuery", form("callback_query_id", "1"), 400, "query is too old"},
		{at + "setWebhook", form("url", "https://a.vn", "secret_token", "a b"), 400, "unallowed characters"},
		{at + "setWebhook", form("url", "https://a.vn", "secret_token", strings.Repeat("a", 257)), 400, "too long"},
		{at + "setMyCommands", form("commands", `[{"command":"hỏi","description":"a"}]`), 400, "BOT_COMMAND_INVALID"},
		{at + "getFile", form("file_id", "x"), 400, "wrong file_id"},
		{at + "setWebhook", form("url", "https://a.vn"), 200, ""},
		{at + "getUpdates", "", 409, "webhook is active"},
	} {
		status, got, _ := ask(t, a, tt.path, "application/x-www-form-urlencoded", tt.body)
		if status != tt.status || !strings.Contains(got, tt.want) {
			t.Errorf("%s %s = %d %q, want %d %q", tt.path, tt.body, status, got, tt.status, tt.want)
		}
	}
	if a.Secret() != "" {
		t.Errorf("secret %q, want it taken away by a setWebhook without", a.Secret())
	}
	status, _, result := ask(t, a, at+"sendMessage", "application/json; charset=utf-8", `{"chat_id":5,"text":"chào","link_preview_options":{"is_disabled":true}}`)
	if call := a.Calls("sendMessage"); status != 200 || !strings.Contains(string(result), "chào") || call[len(call)-1].Params["link_preview_options"] != `{"is_disabled":true}` {
		t.Errorf("JSON arguments: %d %s", status, result)
	}
}
