package conversation_test

import (
	"context"
	"fmt"
	"testing"

	"troly/internal/conversation"
	"troly/internal/pipeline"
	"troly/internal/webhook"
)

// BenchmarkRespond answers follow-ups in a dialogue that is full of earlier turns.
// "ask" is the pipeline alone with the same history, "respond" the same through the
// conversation, "around" the conversation with an assistant that takes no time.
func BenchmarkRespond(b *testing.B) {
	lib, assistant := real()
	questions := []string{
		"làm giấy khai sinh cho con cần giấy tờ gì", "thế mất bao nhiêu tiền?", "đổi bằng lái xe hết bao nhiêu tiền",
		"mất thẻ căn cước làm lại ở đâu", "làm hộ chiếu lần đầu cần gì, mấy ngày", "khai tử cần giấy tờ gì",
	}
	opts := conversation.Options{PerMinute: -1, PerDay: -1}
	c := conversation.New(assistant, lib, lib.Units, opts)
	m := webhook.Message{Channel: "telegram", Dialogue: "1", Person: "1", Kind: webhook.Text}
	var state []byte
	var history []pipeline.Turn
	var outcome pipeline.Outcome
	for _, q := range questions {
		m.Text = q
		state = c.Respond(context.Background(), m, state, nil).State
		outcome = assistant.Ask(context.Background(), pipeline.Question{Text: q, History: history})
		history = append(history, outcome.Turn())
	}
	m.Text = "thế mất bao lâu?"
	b.Run("ask", func(b *testing.B) {
		for b.Loop() {
			assistant.Ask(context.Background(), pipeline.Question{Text: m.Text, History: history})
		}
	})
	b.Run("respond", func(b *testing.B) {
		for b.Loop() {
			c.Respond(context.Background(), m, state, nil)
		}
	})
	idle := conversation.New(&still{outcome}, lib, lib.Units, opts)
	b.Run(fmt.Sprintf("around/state=%dB", len(state)), func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			idle.Respond(context.Background(), m, state, nil)
		}
	})
}

// still answers at once, always the same.
type still struct{ outcome pipeline.Outcome }

func (s *still) Stream(context.Context, pipeline.Question, pipeline.Release) pipeline.Outcome {
	return s.outcome
}
func (s *still) Emergency(string) bool { return false }
