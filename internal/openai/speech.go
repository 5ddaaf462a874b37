package openai

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	api "github.com/sashabaranov/go-openai"

	"troly/internal/llm"
)

// MaxRecording is how many bytes a recording may have: the limit of OpenAI's API,
// an hour and a half of a voice message.
const MaxRecording = 25 << 20

// Transcribe writes down Vietnamese speech with the model named. name is a file name
// whose ending says the format, such as "voice.ogg".
func (c *Client) Transcribe(ctx context.Context, model, name string, recording io.Reader) (string, error) {
	what := fmt.Sprintf("transcribe %s with %s", name, model)
	data, err := io.ReadAll(io.LimitReader(recording, MaxRecording+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %w", what, err)
	case len(data) > MaxRecording:
		return "", &llm.Error{Kind: llm.Rejected, Err: fmt.Errorf("%s: more than %d MiB", what, MaxRecording>>20)}
	}
	call, n := noted(ctx)
	resp, err := c.api.CreateTranscription(call, api.AudioRequest{Model: model, FilePath: name, Reader: bytes.NewReader(data), Language: "vi"})
	if err != nil {
		return "", explain(ctx, what, n, err)
	}
	return strings.TrimSpace(resp.Text), nil
}
