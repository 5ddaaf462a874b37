package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/textproto"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"troly/internal/telegram"
	"troly/internal/zalo"
)

// operatorIn is how long a platform may take to answer an operator's command.
const operatorIn = 30 * time.Second

func channelCommand(con *console, opts *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "channel",
		Short: "Connect a chat platform, and see how it fares",
		Long:  "Channel tells Telegram, Zalo and the Zalo bot where to deliver, and asks how they see\nthis server. `troly serve` sets the webhooks by itself when TROLY_PUBLIC_URL is set.",
		Example: `  troly channel telegram set-webhook --url https://troly.example.vn
  troly channel telegram delete-webhook --menu
  troly channel telegram status
  troly channel zalo set-webhook --url https://troly.example.vn
  troly channel zalo delete-webhook
  troly channel zalo status --json
  troly channel zalo-bot set-webhook --url https://troly.example.vn
  troly channel zalo-bot delete-webhook
  troly channel zalo-bot status`,
	}
	cmd.AddCommand(telegramCommand(con, opts), zaloCommand(con, opts), zaloBotCommand(con, opts))
	return cmd
}

// row is one line of a status.
type row struct{ name, value string }

// printRows lays a status out for people.
func printRows(con *console, rows ...row) {
	w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
	for _, r := range rows {
		if r.value != "" {
			fmt.Fprintf(w, "%s\t%s\n", r.name, r.value)
		}
	}
	w.Flush()
}

// operation is one subcommand of a platform: it is given the settings and a deadline.
func operation(opts *options, use, short string, run func(ctx context.Context, s settings) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		s, err := readSettings(opts)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), operatorIn)
		defer cancel()
		return run(ctx, s)
	}}
}

// deliverTo is the address for a platform: of the flag, else of the settings.
func deliverTo(s settings, flag, path string) (string, error) {
	address := cmp.Or(flag, s.PublicURL)
	if address == "" {
		return "", usageError{errors.New("where to? set TROLY_PUBLIC_URL or give --url, for example https://troly.example.vn")}
	}
	if err := checkPublicURL(address); err != nil {
		return "", usageError{err}
	}
	if !strings.HasPrefix(address, "https://") {
		return "", usageError{fmt.Errorf("%s: platforms deliver to https:// only", address)}
	}
	return strings.TrimSuffix(address, "/") + path, nil
}

func telegramCommand(con *console, opts *options) *cobra.Command {
	cmd := &cobra.Command{Use: "telegram", Short: "The Telegram bot (TELEGRAM_BOT_TOKEN)"}
	var address string
	var drop, menu, asJSON bool
	set := operation(opts, "set-webhook", "Have Telegram deliver to this server, with the secret, and set the menu", func(ctx context.Context, s settings) error {
		ch, err := s.Telegram.operated()
		if err != nil {
			return err
		}
		if s.Telegram.Secret == "" {
			return usageError{errors.New("TELEGRAM_WEBHOOK_SECRET is not set: write 1 to 256 letters, digits, _ or -")}
		}
		to, err := deliverTo(s, address, telegramPath)
		if err != nil {
			return err
		}
		if err := ch.SetWebhook(ctx, to, 0, drop); err != nil {
			return err
		}
		if err := ch.SetMenu(ctx); err != nil {
			return err
		}
		fmt.Fprintf(con.out, "Telegram delivers to %s\n", to)
		return nil
	})
	set.Flags().StringVar(&address, "url", "", "public address of this server (TROLY_PUBLIC_URL)")
	set.Flags().BoolVar(&drop, "drop", false, "forget what waits to be delivered")
	remove := operation(opts, "delete-webhook", "End delivery; what waits is kept for a poll", func(ctx context.Context, s settings) error {
		ch, err := s.Telegram.operated()
		if err != nil {
			return err
		}
		if err := ch.DeleteWebhook(ctx, drop); err != nil {
			return err
		}
		fmt.Fprintln(con.out, "Telegram delivers nowhere")
		if menu {
			return ch.DeleteMenu(ctx)
		}
		return nil
	})
	remove.Flags().BoolVar(&drop, "drop", false, "forget what waits to be delivered")
	remove.Flags().BoolVar(&menu, "menu", false, "take the menu of commands away too: the bot is given up")
	status := operation(opts, "status", "How Telegram sees the webhook", func(ctx context.Context, s settings) error {
		ch, err := s.Telegram.operated()
		if err != nil {
			return err
		}
		hook, err := ch.Webhook(ctx)
		if err != nil {
			return err
		}
		if asJSON {
			return con.json(hook)
		}
		lastError := hook.LastErrorText
		if hook.LastError != 0 {
			lastError += time.Unix(hook.LastError, 0).Format(" (15:04 02/01/2006)")
		}
		printRows(con, row{"delivers to", cmp.Or(hook.URL, "nowhere")}, row{"waiting", fmt.Sprint(hook.Pending)}, row{"last error", lastError},
			row{"address of the server", hook.IP}, row{"connections", fmt.Sprint(hook.MaxConnections)}, row{"kinds of update", strings.Join(hook.Allowed, ", ")})
		return nil
	})
	status.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	cmd.AddCommand(set, remove, status)
	return cmd
}

// operated is the channel for an operator's command; a usage error without a token.
func (t telegramSettings) operated() (*telegram.Channel, error) {
	if t.Token == "" {
		return nil, usageError{errors.New("TELEGRAM_BOT_TOKEN is not set: @BotFather gives it")}
	}
	return t.channel(slog.New(slog.DiscardHandler))
}

func zaloCommand(con *console, opts *options) *cobra.Command {
	cmd := &cobra.Command{Use: "zalo", Short: "The Zalo Official Account (ZALO_APP_ID)"}
	var address string
	var asJSON bool
	byHand := func(what string) func(context.Context, settings) error {
		return func(_ context.Context, s settings) error {
			to, err := deliverTo(s, address, zaloPath)
			if err != nil {
				return err
			}
			fmt.Fprintf(con.out, what, to)
			return nil
		}
	}
	set := operation(opts, "set-webhook", "Say what to enter in the console of Zalo, which has no call for it",
		byHand("Zalo takes the address of a webhook only in its console:\n  https://developers.zalo.me -> the app -> Webhook -> %s\nChoose the events of user messages, follow and unfollow there, and copy the OA secret key into ZALO_OA_SECRET.\n"))
	set.Flags().StringVar(&address, "url", "", "public address of this server (TROLY_PUBLIC_URL)")
	remove := operation(opts, "delete-webhook", "Say how delivery is ended in the console of Zalo", func(context.Context, settings) error {
		fmt.Fprintln(con.out, "Zalo ends delivery only in its console: https://developers.zalo.me -> the app -> Webhook")
		return nil
	})
	status := operation(opts, "status", "Which account it is, its token and its quota", func(ctx context.Context, s settings) error {
		if s.Zalo.AppID == "" {
			return usageError{errors.New("ZALO_APP_ID is not set")}
		}
		log := slog.New(slog.DiscardHandler)
		db, err := s.openDatabase(ctx, log)
		if err != nil {
			return err
		}
		defer db.Close()
		account, err := s.Zalo.channel(db, log, nil)
		if err != nil {
			return usageError{err}
		}
		health, err := account.Health(ctx)
		var operator *zalo.OperatorError
		if errors.As(err, &operator) {
			return fmt.Errorf("%s\n-> %s", operator.Reason, operator.Advice)
		}
		if err != nil {
			return err
		}
		if asJSON {
			return con.json(health)
		}
		quota := ""
		if q := health.Quota; q != nil {
			quota = fmt.Sprintf("%d of %d left (%s)", q.Remain, q.Total, q.Type)
		}
		printRows(con, row{"account", health.Name + " (" + health.OAID + ")"}, row{"verified", fmt.Sprint(health.Verified)},
			row{"token from", health.Token.Format("15:04 02/01/2006")}, row{"token until", health.Expires.Format("15:04 02/01/2006")}, row{"quota", quota})
		return nil
	})
	status.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	cmd.AddCommand(set, remove, status, inspectCommand(con, opts))
	return cmd
}

// inspectCommand finds out why deliveries of an Official Account are refused.
func inspectCommand(con *console, opts *options) *cobra.Command {
	var headers []string
	cmd := &cobra.Command{
		Use:     "inspect FILE",
		Short:   "Find by which secret and formula a captured delivery is signed",
		Long:    "Inspect reads the exact bytes of a delivery (- for standard input) and says which of the\nsecrets that are set it is signed with, and what to change when it would be refused.",
		Example: "  troly channel zalo inspect body.json -H 'X-ZEvent-Signature: mac=…'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := readSettings(opts)
			if err != nil {
				return err
			}
			body, err := readDelivery(con, args[0])
			if err != nil {
				return usageError{err}
			}
			header := make(http.Header)
			for _, h := range headers {
				name, value, ok := strings.Cut(h, ":")
				if !ok {
					return usageError{fmt.Errorf("-H %q: write name: value", h)}
				}
				header.Add(textproto.TrimString(name), textproto.TrimString(value))
			}
			found, err := zalo.Inspect(zalo.Secrets{AppID: s.Zalo.AppID, OAID: s.Zalo.OAID, OASecret: s.Zalo.Secret, AppSecret: s.Zalo.AppSecret}, header, body)
			if err != nil {
				return usageError{err}
			}
			printRows(con, row{"signed by", cmp.Or(found.Variant, "nothing that is set")}, row{"accepted", fmt.Sprint(found.Accepted)}, row{"advice", found.Advice})
			if !found.Accepted {
				return errReported
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVarP(&headers, "header", "H", nil, "a header of the delivery, name: value")
	return cmd
}

func readDelivery(con *console, name string) ([]byte, error) {
	const most = 1 << 20
	in := con.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.LimitReader(in, most+1)); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if b.Len() > most {
		return nil, fmt.Errorf("%s has more than 1 MiB: no delivery is that large", name)
	}
	return b.Bytes(), nil
}

func zaloBotCommand(con *console, opts *options) *cobra.Command {
	cmd := &cobra.Command{Use: "zalo-bot", Short: "The bot of the Zalo Bot Platform (ZALO_BOT_TOKEN)"}
	var address string
	var asJSON bool
	set := operation(opts, "set-webhook", "Have Zalo deliver to this server, with the secret", func(ctx context.Context, s settings) error {
		bot, err := s.ZaloBot.operated()
		if err != nil {
			return err
		}
		if s.ZaloBot.Secret == "" {
			return usageError{errors.New("ZALO_BOT_WEBHOOK_SECRET is not set: write 8 to 256 letters and digits")}
		}
		to, err := deliverTo(s, address, zaloBotPath)
		if err != nil {
			return err
		}
		if err := bot.SetWebhook(ctx, to); err != nil {
			return err
		}
		fmt.Fprintf(con.out, "Zalo delivers to %s\n", to)
		return nil
	})
	set.Flags().StringVar(&address, "url", "", "public address of this server (TROLY_PUBLIC_URL)")
	remove := operation(opts, "delete-webhook", "End delivery; the bot can be polled then", func(ctx context.Context, s settings) error {
		bot, err := s.ZaloBot.operated()
		if err != nil {
			return err
		}
		if err := bot.DeleteWebhook(ctx); err != nil {
			return err
		}
		fmt.Fprintln(con.out, "Zalo delivers nowhere")
		return nil
	})
	status := operation(opts, "status", "Who the bot is and where it is delivered to", func(ctx context.Context, s settings) error {
		bot, err := s.ZaloBot.operated()
		if err != nil {
			return err
		}
		me, err := bot.Me(ctx)
		if err != nil {
			return err
		}
		to, err := bot.Webhook(ctx)
		if err != nil {
			return err
		}
		if asJSON {
			return con.json(map[string]string{"id": me.ID, "name": me.Name, "type": me.Type, "url": to})
		}
		printRows(con, row{"bot", me.Name + " (" + me.ID + ")"}, row{"type", me.Type}, row{"delivers to", cmp.Or(to, "nowhere")})
		return nil
	})
	status.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	cmd.AddCommand(set, remove, status)
	return cmd
}

// operated is the bot for an operator's command; a usage error without a token.
func (z zaloBotSettings) operated() (*zalo.Bot, error) {
	if z.Token == "" {
		return nil, usageError{errors.New("ZALO_BOT_TOKEN is not set")}
	}
	return z.channel(z.Secret == "", slog.New(slog.DiscardHandler))
}
