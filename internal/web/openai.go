package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"troly/internal/pipeline"
	"troly/internal/privacy"
)

// maxChat is how many bytes a chat completion may have: clients send the dialogue
// whole, with every answer and their own instructions.
const maxChat = 1 << 20

// The models that a client may choose: whom the answers are for.
var chatModels = [...]struct{ id, audience string }{
	{"troly", ""},
	{"troly-can-bo", "official"}, // for civil servants
}

// chatRequest is the part of a chat completion that means something here; sampling,
// tools and what else a client sends are for models and change nothing.
type chatRequest struct {
	Model         string        `json:"model"`
	Messages      []chatMessage `json:"messages"`
	Stream        bool          `json:"stream"`
	StreamOptions *struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	N              *int `json:"n"`
	ResponseFormat *struct {
		Type string `json:"type"`
	} `json:"response_format"`
}

type chatMessage struct {
	Role    string      `json:"role"`
	Content chatContent `json:"content"`
}

// chatContent is the text of a message: a string, or the text parts of a list.
// Pictures, sound and files among the parts are left out.
type chatContent string

func (c *chatContent) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil { // null too
		*c = chatContent(text)
		return nil
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if err := json.Unmarshal(data, &parts); err != nil {
		return errors.New("content of a message is a text or a list of parts")
	}
	var texts []string
	for _, p := range parts {
		if p.Type == "text" || p.Type == "input_text" {
			texts = append(texts, p.Text)
		}
	}
	*c = chatContent(strings.Join(texts, "\n"))
	return nil
}

type chatReply struct {
	ID      string       `json:"id"`
	Object  string       `json:"object"`
	Created int64        `json:"created"`
	Model   string       `json:"model"`
	Choices []chatChoice `json:"choices"`
	Usage   *chatUsage   `json:"usage,omitempty"`

	Citations []pipeline.Citation `json:"citations,omitempty"` // ours: [N] in the text
	Status    pipeline.Status     `json:"status,omitempty"`    // ours: how the question ended
	Outcome   string              `json:"outcome,omitempty"`   // ours: what POST /api/v1/feedback takes
}

type chatChoice struct {
	Index   int       `json:"index"`
	Message *chatText `json:"message,omitempty"`
	Delta   *chatText `json:"delta,omitempty"`
	Finish  *string   `json:"finish_reason"`
}

type chatText struct {
	Role    string `json:"role,omitempty"`
	Content string `json:"content"`
}

// chatUsage counts what a model of ours took; answers without one cost nothing.
type chatUsage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Total      int `json:"total_tokens"`
}

func usage(u pipeline.Usage) *chatUsage {
	return &chatUsage{u.PromptTokens, u.CompletionTokens, u.PromptTokens + u.CompletionTokens}
}

// chatProblem is an error as OpenAI's API tells it.
func chatProblem(w http.ResponseWriter, status int, detail string) {
	kind := "invalid_request_error"
	switch {
	case status == http.StatusUnauthorized:
		kind = "authentication_error"
	case status == http.StatusForbidden:
		kind = "permission_error"
	case status == http.StatusTooManyRequests:
		kind = "rate_limit_error"
	case status >= 500:
		kind = "server_error"
	}
	reply(w, status, map[string]chatError{"error": {Message: detail, Type: kind}})
}

type chatError struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

type chatModel struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

// chatModelsSince is when the models are said to be made: the day the API began.
const chatModelsSince = 1764201600 // 2025-11-27

// models lists what a client may choose from.
func (a *api) models(w http.ResponseWriter, _ *http.Request) {
	list := make([]chatModel, len(chatModels))
	for i, m := range chatModels {
		list[i] = chatModel{m.id, "model", chatModelsSince, "troly"}
	}
	reply(w, http.StatusOK, map[string]any{"object": "list", "data": list})
}

// completions answers in the way of OpenAI's chat completions, so that their clients
// can ask. The client's own instructions are not followed: what is answered, and from
// what, is decided here.
func (a *api) completions(w http.ResponseWriter, r *http.Request) {
	var req chatRequest
	if err := readJSON(w, r, maxChat, false, &req); err != nil {
		var no *refusal
		errors.As(err, &no)
		chatProblem(w, no.status, no.detail)
		return
	}
	q, err := req.question()
	if err != nil {
		status := http.StatusBadRequest
		if errors.Is(err, errNoModel) {
			status = http.StatusNotFound
		}
		chatProblem(w, status, err.Error())
		return
	}
	head := chatReply{ID: "chatcmpl-" + uuid.NewString(), Created: a.now().Unix(), Model: req.Model}
	if text, ok := req.chore(); ok {
		a.completeChore(w, r, &req, head, text)
		return
	}
	if req.Stream {
		a.streamCompletion(w, r, &req, head, q)
		return
	}
	outcome := a.think(r.Context(), "openai", q, nil)
	if outcome.Status == pipeline.Failed {
		chatProblem(w, http.StatusServiceUnavailable, outcome.Answer)
		return
	}
	head.whole(outcome.Answer+sourceList(outcome.Citations), usage(outcome.Usage))
	head.Citations, head.Status, head.Outcome = outcome.Citations, outcome.Status, outcome.ID
	reply(w, http.StatusOK, head)
}

// whole makes a reply of one message.
func (c *chatReply) whole(text string, used *chatUsage) {
	c.Object, c.Usage = "chat.completion", used
	c.Choices = []chatChoice{{Message: &chatText{"assistant", markdown(text)}, Finish: stop()}}
}

// stop is why every answer ends.
func stop() *string {
	s := "stop"
	return &s
}

// completeChore answers what a client asks for itself.
func (a *api) completeChore(w http.ResponseWriter, r *http.Request, req *chatRequest, head chatReply, text string) {
	if !req.Stream {
		head.whole(text, &chatUsage{})
		reply(w, http.StatusOK, head)
		return
	}
	stream, _, done := a.answering(w, r, chatProblem)
	if stream == nil {
		return
	}
	defer done()
	t := chatStream{stream, head}
	t.begin()
	t.text(text)
	t.end(keptOutcome{}, req.wantsUsage())
}

func (a *api) streamCompletion(w http.ResponseWriter, r *http.Request, req *chatRequest, head chatReply, q pipeline.Question) {
	stream, ctx, done := a.answering(w, r, chatProblem)
	if stream == nil {
		return
	}
	defer done()
	t := chatStream{stream, head}
	t.begin()
	var shown strings.Builder
	outcome := a.think(ctx, "openai", q, func(text string) {
		shown.WriteString(text)
		t.text(text)
	})
	if outcome.Status == pipeline.Failed {
		stream.send("", map[string]chatError{"error": {Message: outcome.Answer, Type: "server_error"}})
		stream.line("[DONE]")
		return
	}
	rest, goesOn := strings.CutPrefix(outcome.Answer, shown.String())
	if !goesOn { // this protocol takes nothing back
		rest = "\n\n---\nPhần trên chưa trọn vẹn. Câu trả lời đầy đủ:\n\n" + outcome.Answer
	}
	if rest += sourceList(outcome.Citations); rest != "" {
		t.text(rest)
	}
	t.end(outcome, req.wantsUsage())
}

func (req *chatRequest) wantsUsage() bool {
	return req.StreamOptions != nil && req.StreamOptions.IncludeUsage
}

// chatStream writes the chunks of one completion.
type chatStream struct {
	stream *eventStream
	head   chatReply
}

func (t chatStream) chunk(delta chatText, finish *string) {
	c := t.head
	c.Object, c.Choices = "chat.completion.chunk", []chatChoice{{Delta: &delta, Finish: finish}}
	t.stream.send("", c)
}

func (t chatStream) begin()           { t.chunk(chatText{Role: "assistant"}, nil) }
func (t chatStream) text(text string) { t.chunk(chatText{Content: markdown(text)}, nil) }

// end sends the last chunk, with the sources, and the usage when it is wanted.
func (t chatStream) end(o keptOutcome, withUsage bool) {
	last := t
	last.head.Citations, last.head.Status, last.head.Outcome = o.Citations, o.Status, o.ID
	last.chunk(chatText{}, stop())
	if withUsage {
		c := t.head
		c.Object, c.Choices, c.Usage = "chat.completion.chunk", []chatChoice{}, usage(o.Usage)
		t.stream.send("", c)
	}
	t.stream.line("[DONE]")
}

// markdown is an answer, or a piece of one, as programs for chatting draw it: to them
// our second kind of list is none.
func markdown(text string) string { return strings.ReplaceAll(text, "• ", "- ") }

// sourcesMark begins the list of sources behind an answer; what stands behind it in an
// answer that a client sends back is not part of the dialogue.
const sourcesMark = "\n\n**Nguồn**\n"

// sourceList is the sources as text: a program for chatting shows nothing else.
func sourceList(citations []pipeline.Citation) string {
	if len(citations) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(sourcesMark)
	for _, c := range citations {
		b.WriteString("\n" + strconv.Itoa(c.N) + ". ")
		title := linkText(c.Title + ", mục " + c.SectionName())
		if c.URL != "" {
			b.WriteString("[" + title + "](" + linkTarget(c.URL) + ")")
		} else {
			b.WriteString(title)
		}
		if c.Checked != "" {
			b.WriteString(", kiểm tra ngày " + c.Checked.String())
		}
	}
	return b.String()
}

// linkText keeps a title from being read as markup.
func linkText(s string) string {
	return strings.NewReplacer("[", "(", "]", ")", "\n", " ", "<", "‹", ">", "›", "`", "'").Replace(s)
}

// linkTarget keeps an address inside its parentheses.
func linkTarget(url string) string {
	return strings.NewReplacer("(", "%28", ")", "%29", " ", "%20", "<", "%3C", ">", "%3E", "\n", "").Replace(url)
}

var errNoModel = errors.New("no such model; GET /v1/models lists them")

// question makes a question of the last thing the person said, with the turns before it.
func (req *chatRequest) question() (pipeline.Question, error) {
	q := pipeline.Question{}
	known := false
	for _, m := range chatModels {
		if m.id == req.Model {
			known, q.Audience = true, m.audience
		}
	}
	switch {
	case !known:
		return q, errNoModel
	case req.N != nil && *req.N != 1:
		return q, errors.New("n: there is one answer to a question")
	case req.ResponseFormat != nil && req.ResponseFormat.Type != "" && req.ResponseFormat.Type != "text":
		return q, errors.New("response_format: answers are text; POST /api/v1/ask gives JSON")
	}
	var turns []pipeline.Turn
	open := false // the last turn waits for its answer
	for _, m := range req.Messages {
		text := strings.TrimSpace(string(m.Content))
		switch m.Role {
		case "user":
			turns, open = append(turns, pipeline.Turn{Question: typed(text)}), true
		case "assistant":
			if text, _, _ = strings.Cut(text, strings.TrimSpace(sourcesMark)); open && text != "" {
				turns[len(turns)-1].Answer, open = strings.TrimSpace(text), false
			}
		case "system", "developer", "tool", "function":
		default:
			return q, errors.New("messages: role is system, developer, user, assistant or tool")
		}
	}
	if !open || turns[len(turns)-1].Question == "" {
		return q, errors.New("messages: the last one is a question of the user, as text")
	}
	last := len(turns) - 1
	q.Text, q.History = turns[last].Question, turns[max(0, last-maxTurns):last]
	return q, nil
}

// chore recognises what Open WebUI and programs like it ask a model for beside the
// dialogue, to name it, tag it, go on with it, choose a tool, and returns what to
// answer: no question is looked up for it, and none is written to a model.
func (req *chatRequest) chore() (answer string, ok bool) {
	var last, system string
	for _, m := range req.Messages {
		switch m.Role {
		case "user":
			last = strings.TrimSpace(string(m.Content))
		case "system":
			system = strings.TrimSpace(string(m.Content))
		}
	}
	var v any
	switch format := choreFormat(last); {
	case strings.HasPrefix(system, "Available Tools:") && strings.Contains(system, `"tool_calls"`):
		v = map[string][]string{"tool_calls": {}}
	case strings.HasPrefix(last, "Your task is to reflect the speaker's likely facial expression through a fitting emoji"):
		return "🙂", true
	case format == "title":
		v = map[string]string{"title": choreTitle(last)}
	case format == "tags", format == "follow_ups", format == "queries":
		v = map[string][]string{format: {}}
	case format != "":
		v = map[string]string{format: ""}
	default:
		return "", false
	}
	data, err := json.Marshal(v)
	return string(data), err == nil
}

// choreFormat is the field of the JSON that a task of a program wants, such as "title"
// or "follow_ups"; empty when a text is no such task.
func choreFormat(text string) string {
	_, format, ok := strings.Cut(text, "JSON format:")
	if !ok || !strings.HasPrefix(text, "### Task:") {
		return ""
	}
	if m := choreField.FindStringSubmatch(format); m != nil {
		return m[1]
	}
	return ""
}

var choreField = regexp.MustCompile("^[\\s`]*\\{\\s*\"([a-z_]{1,30})\"")

// typed is what the person typed: Open WebUI puts it behind the files it was given,
// with instructions before them, and behind the answers of several models that it wants
// made into one.
func typed(text string) string {
	if rest, ok := strings.CutPrefix(text, `You have been provided with a set of responses from various models to the latest user query: "`); ok {
		if asked, _, ok := strings.Cut(rest, "\"\n\nYour task is to synthesize"); ok {
			return strings.TrimSpace(asked)
		}
	}
	i := strings.LastIndex(text, "</context>")
	if i < 0 || !strings.HasPrefix(text, "### Task:") {
		return text
	}
	typed := strings.NewReplacer("<user_query>", "", "</user_query>", "").Replace(text[i+len("</context>"):])
	return strings.TrimSpace(typed)
}

// choreTitle names a dialogue by its first question.
func choreTitle(task string) string {
	const fallback = "Hỏi đáp thủ tục"
	_, history, ok := strings.Cut(task, "<chat_history>")
	if !ok {
		return fallback
	}
	history, _, _ = strings.Cut(history, "</chat_history>")
	_, first, ok := strings.Cut(history, "USER:")
	if !ok {
		return fallback
	}
	first, _, _ = strings.Cut(first, "\nASSISTANT:")
	if first = strings.Join(strings.Fields(first), " "); first == "" {
		return fallback
	}
	first, _ = privacy.Mask(first) // titles stay in lists for a long time
	return cut(first, 60)
}
