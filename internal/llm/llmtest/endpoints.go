package llmtest

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

func (s *Server) chat(w http.ResponseWriter, r *http.Request, call Call) {
	now := s.settings()
	if format, ok := call.Body["response_format"].(map[string]any); ok && now.Formats != nil && !slices.Contains(now.Formats, fmt.Sprint(format["type"])) {
		fail(w, http.StatusBadRequest, fmt.Sprintf("'response_format.type' must be one of %v", now.Formats))
		return
	}
	reply := Reply{Text: "Xin chào."}
	if now.Chat != nil {
		reply = now.Chat(call)
	}
	if pause(r.Context(), reply.First) != nil || reply.failed(w) {
		return
	}
	if reply.Finish == "" {
		reply.Finish = "stop"
	}
	usage := map[string]any{"prompt_tokens": utf8.RuneCountInString(call.Prompt()) / 3, "completion_tokens": utf8.RuneCountInString(reply.Text) / 3}
	if call.Body["stream"] != true {
		_ = json.NewEncoder(w).Encode(map[string]any{"object": "chat.completion", "model": call.Body["model"], "usage": usage,
			"choices": []any{map[string]any{"index": 0, "finish_reason": reply.Finish, "message": map[string]any{"role": "assistant", "content": reply.Text, "refusal": reply.Refusal}}}})
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	stream := &stream{w: w, r: r, model: call.Body["model"]}
	if options, ok := call.Body["stream_options"].(map[string]any); !ok || options["include_usage"] != true {
		usage = nil
	}
	stream.send(reply, usage)
}

// stream sends server-sent events.
type stream struct {
	w     http.ResponseWriter
	r     *http.Request
	model any
}

func (s *stream) event(choices []any, usage map[string]any) {
	data, err := json.Marshal(map[string]any{"id": "1", "object": "chat.completion.chunk", "model": s.model, "choices": choices, "usage": usage})
	if err != nil {
		panic(err) // plain maps of ours always encode
	}
	fmt.Fprintf(s.w, "data: %s\n\n", data)
	s.w.(http.Flusher).Flush()
}

func (s *stream) delta(delta map[string]any, finish any) {
	s.event([]any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}}, nil)
}

func (s *stream) send(reply Reply, usage map[string]any) {
	fmt.Fprint(s.w, ": a comment, as some servers send to keep the line open\n\n")
	s.delta(map[string]any{"role": "assistant", "content": ""}, nil)
	if reply.Thinking != "" {
		s.delta(map[string]any{"reasoning_content": reply.Thinking}, nil)
	}
	if reply.Refusal != "" {
		s.delta(map[string]any{"refusal": reply.Refusal}, nil)
	}
	for i, piece := range pieces(reply.Text, reply.Size) {
		if reply.Cut > 0 && i == reply.Cut {
			panic(http.ErrAbortHandler)
		}
		if reply.Ends > 0 && i == reply.Ends || pause(s.r.Context(), reply.Every) != nil {
			return
		}
		s.delta(map[string]any{"content": piece}, nil)
	}
	s.delta(map[string]any{}, reply.Finish)
	if usage != nil {
		s.event([]any{}, usage)
	}
	fmt.Fprint(s.w, "data: [DONE]\n\n")
}

func (s *Server) embeddings(w http.ResponseWriter, r *http.Request, call Call) {
	now := s.settings()
	if pause(r.Context(), now.Embeddings.First) != nil || now.Embeddings.failed(w) {
		return
	}
	inputs, _ := call.Body["input"].([]any)
	if most := now.MaxInputs; most > 0 && len(inputs) > most {
		fail(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("batch size %d > maximum allowed batch size %d", len(inputs), most))
		return
	}
	dims := 64
	if now.Dimensions > 0 {
		dims = now.Dimensions
	}
	if want, ok := call.Body["dimensions"].(float64); ok {
		dims = int(want)
	}
	var data []any
	for i, input := range inputs {
		data = append(data, map[string]any{"object": "embedding", "index": i, "embedding": Vector(fmt.Sprint(input), dims)})
	}
	if now.Backwards {
		slices.Reverse(data)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"object": "list", "model": call.Body["model"], "data": data, "usage": map[string]any{"prompt_tokens": len(inputs)}})
}

// Vector is the embedding the server makes of a text: texts with words in common lie
// near each other.
func Vector(text string, dims int) []float32 {
	v := make([]float32, dims)
	for _, word := range strings.Fields(strings.ToLower(text)) {
		h := fnv.New32a()
		_, _ = h.Write([]byte(word))
		v[h.Sum32()%uint32(dims)]++
	}
	v[0] += 0.01 // an empty text has a direction too
	norm := 0.0
	for _, x := range v {
		norm += float64(x) * float64(x)
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(norm))
	}
	return v
}

func (s *Server) transcription(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseMultipartForm(1 << 20); err != nil {
		fail(w, http.StatusBadRequest, "not a form: "+err.Error())
		return
	}
	body := map[string]any{"model": r.FormValue("model"), "language": r.FormValue("language")}
	_, header, err := r.FormFile("file")
	if err != nil {
		fail(w, http.StatusBadRequest, "no file: "+err.Error())
		return
	}
	body["file"] = header.Filename
	s.note(r.URL.Path, body)
	_ = json.NewEncoder(w).Encode(map[string]any{"text": s.settings().Speech})
}

func (s *Server) moderation(w http.ResponseWriter, r *http.Request, call Call) {
	now := s.settings()
	if pause(r.Context(), now.Moderation.First) != nil || now.Moderation.failed(w) {
		return
	}
	flags := now.Flags
	flagged := flags != "" && strings.Contains(fmt.Sprint(call.Body["input"]), flags)
	_ = json.NewEncoder(w).Encode(map[string]any{"results": []any{map[string]any{"flagged": flagged}}})
}
