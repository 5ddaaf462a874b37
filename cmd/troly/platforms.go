package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"troly/internal/database"
	"troly/internal/telegram"
	"troly/internal/webhook"
	"troly/internal/zalo"
)

// Where the platforms deliver.
const (
	telegramPath = "/webhooks/telegram"
	zaloPath     = "/webhooks/zalo"
	zaloBotPath  = "/webhooks/zalo-bot"
)

// databaseSettings say where what people write is kept, and for how long.
type databaseSettings struct {
	URL      string `env:"DATABASE_URL"`
	KeepDays int    `env:"TROLY_KEEP_DAYS" envDefault:"90"`
}

func (d databaseSettings) check() error {
	switch {
	case d.URL != "" && !strings.HasPrefix(d.URL, "postgres://") && !strings.HasPrefix(d.URL, "postgresql://"):
		return errors.New("DATABASE_URL: write postgres://user:password@host/database, or nothing for a file in the data directory")
	case d.KeepDays < 1 || d.KeepDays > 3650:
		return fmt.Errorf("TROLY_KEEP_DAYS %d: write a number of days from 1 to 3650", d.KeepDays)
	}
	return nil
}

// open opens the database of the settings.
func (s settings) openDatabase(ctx context.Context, log *slog.Logger) (*database.DB, error) {
	db, err := database.Open(ctx, cmp.Or(s.Database.URL, s.file("troly.db")), database.Options{Log: log})
	if err != nil {
		name := "DATABASE_URL"
		if s.Database.URL == "" {
			name = "TROLY_DATA_DIR"
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return db, nil
}

// telegramSettings are those of the Telegram bot; without a token there is none.
type telegramSettings struct {
	Token  string `env:"TELEGRAM_BOT_TOKEN"`
	Secret string `env:"TELEGRAM_WEBHOOK_SECRET"`
	APIURL string `env:"TELEGRAM_API_URL"`
	Proxy  string `env:"TELEGRAM_PROXY"`
	Drafts bool   `env:"TELEGRAM_DRAFTS" envDefault:"false"`
}

func (t telegramSettings) check() error {
	if t.Token == "" {
		return nil
	}
	_, err := t.channel(nil)
	return err
}

func (t telegramSettings) channel(log *slog.Logger) (*telegram.Channel, error) {
	return telegram.New(telegram.Settings{Token: t.Token, Secret: t.Secret, APIURL: t.APIURL, Proxy: t.Proxy, Drafts: t.Drafts, Log: log})
}

// zaloSettings are those of the Official Account; without an app there is none.
type zaloSettings struct {
	AppID        string `env:"ZALO_APP_ID"`
	AppSecret    string `env:"ZALO_APP_SECRET"`
	OAID         string `env:"ZALO_OA_ID"`
	Secret       string `env:"ZALO_OA_SECRET"`
	RefreshToken string `env:"ZALO_REFRESH_TOKEN"`
	APIURL       string `env:"ZALO_API_URL"`
	OAuthURL     string `env:"ZALO_OAUTH_URL"`
	Billed       bool   `env:"ZALO_SEND_BILLED" envDefault:"false"`
	AllowOAID    bool   `env:"ZALO_SIGNATURE_OA_ID" envDefault:"false"`
	Verifier     string `env:"ZALO_VERIFIER"`
}

var verifierForm = regexp.MustCompile(`^[A-Za-z0-9_-]{8,100}$`)

func (z zaloSettings) check() error {
	if z.Verifier != "" && !verifierForm.MatchString(z.Verifier) {
		return fmt.Errorf("ZALO_VERIFIER %q: write only the code, which stands between zalo_verifier and .html in the name of the file", z.Verifier)
	}
	if z.AllowOAID && z.OAID == "" && z.AppID != "" {
		return errors.New("ZALO_SIGNATURE_OA_ID is true, but ZALO_OA_ID is not set")
	}
	if z.AppID == "" {
		return nil
	}
	if _, err := z.channel(&database.DB{}, nil, nil); err != nil {
		return err
	}
	return nil
}

func (z zaloSettings) channel(db *database.DB, log *slog.Logger, metrics *webhook.Metrics) (*zalo.Account, error) {
	opts := zalo.AccountOptions{
		AppID: z.AppID, AppSecret: z.AppSecret, OAID: z.OAID, Secret: z.Secret, RefreshToken: z.RefreshToken,
		APIURL: z.APIURL, OAuthURL: z.OAuthURL, Billed: z.Billed, AllowOAID: z.AllowOAID, Log: log, Tokens: db,
		LastHeard: func(ctx context.Context, person string) (time.Time, error) { return db.LastHeard(ctx, "zalo", person) },
	}
	if metrics != nil {
		opts.Observe = func(what, which string) { metrics.Event("zalo", what, which) }
	}
	return zalo.NewAccount(opts)
}

// proof is the page by which Zalo sees that the domain is ours: the file it gives out
// for that, made of its code. Empty path: there is no code.
func (z zaloSettings) proof() (path string, page http.Handler) {
	if z.Verifier == "" {
		return "", nil
	}
	return "/zalo_verifier" + z.Verifier + ".html", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		// The code is letters, digits, - and _. Who asked has gone when this fails.
		_, _ = fmt.Fprintf(w, "<!DOCTYPE html>\n<html lang=\"vi\"><head><meta charset=\"utf-8\"><meta name=\"zalo-platform-site-verification\" content=\"%s\"><title>Zalo</title></head><body></body></html>\n", z.Verifier)
	})
}

// zaloBotSettings are those of a bot of the Bot Platform; without a token there is
// none.
type zaloBotSettings struct {
	Token  string `env:"ZALO_BOT_TOKEN"`
	Secret string `env:"ZALO_BOT_WEBHOOK_SECRET"`
	APIURL string `env:"ZALO_BOT_API_URL"`
}

func (z zaloBotSettings) check() error {
	if z.Token == "" {
		return nil
	}
	_, err := z.channel(z.Secret == "", nil) // without a secret it can only poll
	return err
}

func (z zaloBotSettings) channel(polls bool, log *slog.Logger) (*zalo.Bot, error) {
	return zalo.NewBot(zalo.BotOptions{Token: z.Token, Secret: z.Secret, Polls: polls, APIURL: z.APIURL, Log: log})
}

// halfSet names the channels of which something is set but not what switches them on,
// each with what is missing.
func (s settings) halfSet() []string {
	var lines []string
	say := func(off bool, missing, name string, others ...string) {
		if off && cmp.Or(others...) != "" {
			lines = append(lines, fmt.Sprintf("%s is off: %s is not set", name, missing))
		}
	}
	say(s.Telegram.Token == "", "TELEGRAM_BOT_TOKEN", "Telegram", s.Telegram.Secret, s.Telegram.APIURL, s.Telegram.Proxy)
	say(s.Zalo.AppID == "", "ZALO_APP_ID", "the Zalo Official Account", s.Zalo.AppSecret, s.Zalo.OAID, s.Zalo.Secret, s.Zalo.RefreshToken, s.Zalo.APIURL, s.Zalo.OAuthURL)
	say(s.ZaloBot.Token == "", "ZALO_BOT_TOKEN", "the Zalo bot", s.ZaloBot.Secret, s.ZaloBot.APIURL)
	return lines
}

// publicURL is where people and platforms reach this server; nil when it is not set.
func (s settings) publicURL() *url.URL {
	if s.PublicURL == "" {
		return nil
	}
	u, _ := url.Parse(strings.TrimSuffix(s.PublicURL, "/")) // checked
	return u
}

func checkPublicURL(address string) error {
	u, err := url.Parse(address)
	if address == "" || err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") && u.RawQuery == "" && u.Fragment == "" && u.User == nil {
		return nil
	}
	return fmt.Errorf("TROLY_PUBLIC_URL %q: write the address people use, for example https://troly.example.vn", address)
}
