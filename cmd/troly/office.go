package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"troly/internal/corpus"
	"troly/internal/database"
	"troly/internal/evaluation"
	"troly/internal/pipeline"
	"troly/internal/privacy"
	"troly/internal/web"
)

// consoleSettings are those of the console for staff.
type consoleSettings struct {
	Issuer   string `env:"CONSOLE_OIDC_ISSUER"`
	ClientID string `env:"CONSOLE_OIDC_CLIENT_ID"`
	Secret   string `env:"CONSOLE_OIDC_CLIENT_SECRET"`
}

func (c consoleSettings) check() error {
	if c.Issuer == "" {
		return nil
	}
	u, err := url.Parse(c.Issuer)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1" {
		return fmt.Errorf("CONSOLE_OIDC_ISSUER %q: write the address of the issuer, for example https://sso.example.vn/realms/tinh", c.Issuer)
	}
	if c.ClientID == "" {
		return errors.New("CONSOLE_OIDC_ISSUER is set, but CONSOLE_OIDC_CLIENT_ID is not")
	}
	return nil
}

// consoleOf is the console for staff with what it works on.
func consoleOf(s settings, a *assistant, db *database.DB, chat *channels, switches *switchboard, approved *approvals, background func(func(context.Context))) *web.Console {
	c := &web.Console{
		DB: db, Desk: &desk{db: db, channels: chat.byName(), on: switches.On, now: time.Now, masker: *privacy.New(a.lib.Public)},
		Withholds: func(answer string, documents []string) []string {
			return a.Withholds(pipeline.Approved{Answer: answer, Documents: documents})
		},
		Changed: func(ctx context.Context) {
			switches.again(ctx)
			approved.again(ctx)
		},
		Lint: (&linted{settings: s}).problems, Runs: s.runs, Background: background,
	}
	labels := map[string]string{"telegram": "Kênh Telegram", "zalo": "Kênh Zalo OA", "zalo-bot": "Kênh Zalo bot"}
	for _, status := range chat.dispatcher.Status() {
		c.Switches = append(c.Switches, web.SwitchName{Name: status.Channel, Label: labels[status.Channel], Stops: "Tắt: tin đến vẫn được nhận và chờ, không mất, và được trả lời khi bật lại."})
	}
	c.Switches = append(c.Switches,
		web.SwitchName{Name: web.Channel, Label: "Trang hỏi đáp", Stops: "Tắt: trang hỏi đáp và khung chat trên trang khác báo đang tạm dừng, không trả lời. Chương trình có công tắc riêng."},
		web.SwitchName{Name: programsSwitch, Label: "Chương trình (API, MCP)", Stops: "Tắt: /api/v1/ask, /v1/chat/completions và công cụ ask của MCP báo đang tạm dừng (503). Tìm kiếm và dữ liệu mở vẫn đọc được."})
	if a.model {
		c.Switches = append(c.Switches, web.SwitchName{Name: modelSwitch, Label: "Mô hình ngôn ngữ", Stops: "Tắt: trợ lý vẫn trả lời ở mọi nơi, bằng trích đoạn có nguồn."})
	}
	if s.Console.Issuer != "" {
		c.SSO = web.NewSSO(s.Console.Issuer, s.Console.ClientID, s.Console.Secret)
	}
	return c
}

// linted checks the knowledge files when somebody looks, at most once a while: it
// reads all of them.
type linted struct {
	settings settings

	mu    sync.Mutex
	at    time.Time
	found []corpus.Problem
	err   error
}

const lintEvery = 5 * time.Minute

func (l *linted) problems() ([]corpus.Problem, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at.IsZero() || time.Since(l.at) > lintEvery {
		l.found, l.err = corpus.Lint(l.settings.knowledgeFS(), corpus.Today(time.Now()))
		l.at = time.Now()
	}
	return l.found, l.err
}

// runsShown is how many runs of the evaluation the console shows.
const runsShown = 3

// runFigures are the metrics that everybody of the staff reads, in words; the other fifty
// are for who knows them by name.
var runFigures = map[string]string{
	evaluation.Pass: "Trả lời đúng trọn vẹn", evaluation.FirstRight: "Đúng tài liệu đầu tiên", evaluation.FactRecall: "Ý chính được nói", evaluation.Grounded: "Con số có căn cứ",
	evaluation.RefusalRecall: "Từ chối khi cần", evaluation.FalseRefusal: "Từ chối nhầm", "clarify_recall": "Hỏi lại khi cần", evaluation.CriticalAny: "Lỗi nghiêm trọng",
}

// runs are the last runs in the data directory that have a summary.
func (s settings) runs() ([]web.Run, error) {
	found, err := filepath.Glob(s.file(filepath.Join("eval", "runs", "*", "summary.json")))
	if err != nil {
		return nil, err
	}
	slices.Sort(found) // names begin with the time
	var runs []web.Run
	for _, name := range slices.Backward(found) {
		if len(runs) == runsShown {
			break
		}
		body, err := os.ReadFile(name)
		if err != nil {
			return runs, err
		}
		info, err := os.Stat(name)
		if err != nil {
			return runs, err
		}
		var sum evaluation.Summary
		if err := json.Unmarshal(body, &sum); err != nil {
			return runs, fmt.Errorf("read %s: %w", name, err)
		}
		run := web.Run{Name: filepath.Base(filepath.Dir(name)), At: info.ModTime(), Figures: []web.Figure{
			{Name: "Câu hỏi", Value: fmt.Sprint(sum.Bases)}, {Name: "Lượt hỏi, kể cả cách gõ khác", Value: fmt.Sprint(sum.Samples)}, {Name: "Lỗi", Value: fmt.Sprint(sum.Errors)},
		}}
		for _, m := range sum.Metrics {
			if m.Scored == 0 { // of no question of the run: it has no value
				continue
			}
			value := strings.Replace(fmt.Sprintf("%.1f %%", 100*m.Mean), ".", ",", 1)
			if m.Interval != nil {
				value += strings.ReplaceAll(fmt.Sprintf(" (%.1f–%.1f)", 100*m.Interval.Low, 100*m.Interval.High), ".", ",")
			}
			if label := runFigures[m.Name]; label != "" {
				run.Figures = append(run.Figures, web.Figure{Name: label, Value: value})
			} else {
				run.More = append(run.More, web.Figure{Name: m.Name, Value: value})
			}
		}
		runs = append(runs, run)
	}
	return runs, nil
}
