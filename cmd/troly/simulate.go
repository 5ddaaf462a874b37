package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"troly/internal/database"
	"troly/internal/web"
	"troly/internal/webhook"
)

// simulateFlags are those of simulate.
type simulateFlags struct {
	channel string
	person  string
	faults  []string
	say     []string
	wait    time.Duration
	log     bool
}

func simulateCommand(con *console, opts *options) *cobra.Command {
	var flags simulateFlags
	cmd := &cobra.Command{
		Use:   "simulate --channel telegram|zalo|zalo-bot",
		Short: "Try a chat platform on this machine, without an account",
		Long: `Simulate plays Telegram, a Zalo Official Account or a Zalo bot on this machine, and a
person who uses it in the terminal. What is typed takes the real way: it is delivered to
the webhook with its secret or signature, waits in a database, is answered, and comes back
by calls to the platform's API, which behaves as documented and can be made to fail.
Nothing leaves the machine, except to models, Qdrant and traces where they are set. Tokens, secrets and
DATABASE_URL of the settings are not used.

A line that begins with one of these is for the simulator, any other is what the person
writes (the commands of the channels, /start or /xoa, too):

  /press 2         press a button by its number, its words, or good or bad for 👍 and 👎
  /edit TEXT       change the last message                            (Telegram)
  /voice FILE      send a recording
  /block /unblock  shut the bot out and let it in again; unfollow and follow on Zalo
  /as NAME         go on as another person, with a dialogue of their own
  /fault NAME [N]  make the next N calls fail (1; -1 for all to come); /fault off
  /faults          the faults there are
  /calls           what the platform was asked since the last /calls
  /quit            leave, as Ctrl-D does

Messages are kept in a database that goes with the command, or, with --data, stay in
simulator.db there.`,
		Example: "  troly simulate --channel telegram\n" +
			"  troly simulate --channel zalo --faults oa-expired,oa-gateway\n" +
			"  troly simulate --channel zalo-bot --say 'làm khai sinh cần gì' --say '/calls'",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if flags.wait <= 0 {
				return usageError{fmt.Errorf("--wait %v: write a time such as 30s", flags.wait)}
			}
			return simulate(cmd.Context(), con, opts, flags)
		},
	}
	cmd.Flags().StringVar(&flags.channel, "channel", "", "telegram, zalo or zalo-bot")
	cmd.Flags().StringVar(&flags.person, "person", "Lan", "name of the person who writes")
	cmd.Flags().StringSliceVar(&flags.faults, "faults", nil, "faults to begin with, each for one call; name:N for N of them (-1: all)")
	cmd.Flags().StringArrayVar(&flags.say, "say", nil, "a line instead of the terminal's; may be given several times")
	cmd.Flags().DurationVar(&flags.wait, "wait", time.Minute, "how long an answer to a line is waited for when no terminal is there")
	cmd.Flags().BoolVar(&flags.log, "log", false, "show the log of the server (TROLY_LOG_LEVEL says how much)")
	_ = cmd.MarkFlagRequired("channel") // it is there
	_ = cmd.RegisterFlagCompletionFunc("channel", cobra.FixedCompletions([]string{"telegram", "zalo", "zalo-bot"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// simulation is a platform, the server, and who sits at the terminal.
type simulation struct {
	con      *console
	channel  string
	platform played
	db       *database.DB
	wait     time.Duration
	typed    bool // at a terminal: answers may come while the next line is written

	mu      sync.Mutex
	now     person
	people  map[string]person    // by the platform's name
	buttons map[string][]pressed // by the platform's name: what can be pressed, in order
	fresh   map[string]bool      // somebody did something: buttons are numbered anew from the next on
	told    int                  // calls that were listed
}

// pressed is a button that stands on somebody's screen.
type pressed struct {
	shownButton
	message string
}

func simulate(ctx context.Context, con *console, opts *options, flags simulateFlags) (err error) {
	sim := &simulation{
		con: con, channel: flags.channel, wait: flags.wait,
		people: map[string]person{}, buttons: map[string][]pressed{}, fresh: map[string]bool{},
	}
	if sim.platform, err = newPlayed(flags.channel, sim.show); err != nil {
		return err
	}
	defer sim.platform.close()
	sim.as(flags.person)
	for _, fault := range flags.faults {
		if err := sim.fault(strings.Replace(fault, ":", " ", 1)); err != nil {
			return usageError{fmt.Errorf("--faults: %w", err)}
		}
	}
	stop, err := sim.start(ctx, opts, flags.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if len(flags.say) > 0 {
		return sim.talk(ctx, lineList(flags.say))
	}
	lines, restore, err := lineReader(ctx, con)
	if err != nil {
		return err
	}
	defer restore()
	_, sim.typed = con.out.(*screenWriter)
	if sim.typed {
		sim.print(con.style().dim("You are " + flags.person + " on " + flags.channel + ". /quit leaves, troly simulate --help tells what else there is."))
	}
	return sim.talk(ctx, lines)
}

// lineList gives lines out like a terminal.
func lineList(lines []string) func() (string, error) {
	return func() (string, error) {
		if len(lines) == 0 {
			return "", io.EOF
		}
		line := lines[0]
		lines = lines[1:]
		return line, nil
	}
}

// start starts the platform and the server; stop ends both and tells what was left.
func (sim *simulation) start(ctx context.Context, opts *options, logs bool) (stop func() error, err error) {
	s, err := readSettings(opts)
	if err != nil {
		return nil, err
	}
	a, err := openAssistant(ctx, sim.con, s)
	if err != nil {
		return nil, err
	}
	var closing []func() error
	stop = func() error {
		var errs []error
		for i := len(closing) - 1; i >= 0; i-- {
			errs = append(errs, closing[i]())
		}
		return errors.Join(errs...)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, stop())
		}
	}()
	closing = append(closing, a.Close)
	log := slog.New(slog.DiscardHandler)
	if logs {
		log = slog.New(slog.NewTextHandler(sim.con.err, &slog.HandlerOptions{Level: s.LogLevel}))
	}
	dir := opts.data
	if dir == "" {
		if dir, err = os.MkdirTemp("", "troly-simulate-"); err != nil {
			return nil, err
		}
		closing = append(closing, func() error { return os.RemoveAll(dir) })
	}
	if sim.db, err = database.Open(ctx, filepath.Join(dir, "simulator.db"), database.Options{Log: log}); err != nil {
		return nil, err
	}
	closing = append(closing, sim.db.Close)

	api, apiURL, err := listen(sim.platform)
	if err != nil {
		return nil, err
	}
	closing = append(closing, api.Close)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := "http://" + listener.Addr().String()
	s.Telegram, s.Zalo, s.ZaloBot = telegramSettings{Drafts: s.Telegram.Drafts}, zaloSettings{Billed: s.Zalo.Billed}, zaloBotSettings{}
	s.PublicURL = ""
	if sim.channel == "telegram" {
		s.PublicURL = address // setWebhook is called with it
	}
	sim.platform.configure(&s, apiURL)
	sim.platform.deliverTo(address + pathOf(sim.channel))
	chat, err := openChannels(ctx, s, a, sim.db, prometheus.NewRegistry(), polls{}, log, simulated)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	working, end := context.WithCancel(context.WithoutCancel(ctx))
	var all sync.WaitGroup
	var served error
	all.Go(func() { chat.run(working, s.Database.retention()) })
	all.Go(func() {
		served = serve(working, listener, web.New(web.Options{
			Assistant: a, Log: log, Parts: chat.parts(), Webhooks: chat.hooks, Library: a.lib, Responder: chat.talk, Build: buildVersion(),
		}))
	})
	closing = append(closing, func() error {
		end()
		all.Wait()
		return served
	})
	return stop, nil
}

// simulated: a platform on this machine need not be spared, and who sits before it
// leaves without waiting for what does not come.
func simulated(line *webhook.Line, o *webhook.Options) {
	line.PerChat, line.PerGroup = 50*time.Millisecond, 50*time.Millisecond
	o.Grace = time.Second
}

// listen serves a handler at a free port of this machine.
func listen(handler http.Handler) (*http.Server, string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }() // until Close, whose error it is
	return server, "http://" + listener.Addr().String(), nil
}

// talk carries lines out until there are no more.
func (sim *simulation) talk(ctx context.Context, next func() (string, error)) error {
	for ctx.Err() == nil {
		line, err := next()
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read a line: %w", err)
		}
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if line == "/quit" {
			return nil
		}
		if !sim.typed {
			sim.print(sim.con.style().bold(sim.who().name+":") + " " + line)
		}
		if err := sim.obey(ctx, line); err != nil {
			sim.print("! " + err.Error())
			continue
		}
		if !sim.typed {
			if err := sim.settle(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// obey does what a line says.
func (sim *simulation) obey(ctx context.Context, line string) error {
	word, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	who := sim.who()
	switch word {
	case "/as":
		if rest == "" {
			return errors.New("/as NAME: who?")
		}
		sim.as(rest)
	case "/faults":
		var b strings.Builder
		for _, f := range sim.platform.faults() {
			fmt.Fprintf(&b, "  %-14s %s\n", f[0], f[1])
		}
		sim.print(strings.TrimSuffix(b.String(), "\n"))
	case "/fault":
		return sim.fault(rest)
	case "/calls":
		sim.listCalls()
	case "/press":
		return sim.press(ctx, who, rest)
	case "/voice":
		data, err := os.ReadFile(rest)
		if err != nil {
			return err
		}
		return sim.act(ctx, who, action{kind: "voice", text: rest, data: data})
	case "/edit":
		if rest == "" {
			return errors.New("/edit TEXT: into what?")
		}
		return sim.act(ctx, who, action{kind: "edit", text: rest})
	case "/block", "/unblock":
		return sim.act(ctx, who, action{kind: strings.TrimPrefix(word, "/")})
	default:
		return sim.act(ctx, who, action{kind: "say", text: line})
	}
	return nil
}

func (sim *simulation) act(ctx context.Context, who person, what action) error {
	sim.mu.Lock()
	sim.fresh[named(sim.channel, who)] = true
	sim.mu.Unlock()
	return sim.platform.do(ctx, who, what)
}

func (sim *simulation) fault(rest string) error {
	name, number, given := strings.Cut(rest, " ")
	if name == "off" {
		sim.platform.off()
		return nil
	}
	times := 1
	if given {
		n, err := strconv.Atoi(strings.TrimSpace(number))
		if err != nil || n == 0 {
			return fmt.Errorf("/fault %s %s: how many calls? -1 for all to come", name, number)
		}
		times = n
	}
	return sim.platform.on(name, times)
}

func (sim *simulation) listCalls() {
	all := sim.platform.calls()
	sim.mu.Lock()
	since := min(sim.told, len(all))
	sim.told = len(all)
	sim.mu.Unlock()
	lines := all[since:]
	if len(lines) == 0 {
		lines = []string{"none"}
	}
	sim.print("  " + strings.Join(lines, "\n  "))
}

// press presses a button of the last answer: by number, by 👍 or 👎, or by its words.
// Where there are no such buttons, what people do instead: they type.
func (sim *simulation) press(ctx context.Context, who person, which string) error {
	sim.mu.Lock()
	buttons := sim.buttons[named(sim.channel, who)]
	sim.mu.Unlock()
	opinion := map[string]string{"good": webhook.GoodAction, "bad": webhook.BadAction}[which]
	for i, b := range buttons {
		if which != strconv.Itoa(i+1) && !strings.EqualFold(which, b.label) && (opinion == "" || !strings.HasPrefix(b.data, opinion)) {
			continue
		}
		if b.url != "" {
			sim.print("  opens " + b.url)
			return nil
		}
		return sim.act(ctx, who, action{kind: "press", text: b.data, to: b.message})
	}
	switch {
	case which == "good" && sim.channel != "telegram":
		return sim.act(ctx, who, action{kind: "say", text: "👍"})
	case which == "bad" && sim.channel != "telegram":
		return sim.act(ctx, who, action{kind: "say", text: "👎"})
	case sim.channel == "zalo-bot" && which != "":
		return sim.act(ctx, who, action{kind: "say", text: which})
	}
	return fmt.Errorf("/press %s: %s has no such button before them", which, who.name)
}

// as changes who writes.
func (sim *simulation) as(name string) {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	sim.now = person{name}
	sim.people[named(sim.channel, sim.now)] = sim.now
}

func (sim *simulation) who() person {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	return sim.now
}

// settle waits until everything that was delivered is answered and sent.
func (sim *simulation) settle(ctx context.Context) error {
	end := time.NewTimer(sim.wait)
	defer end.Stop()
	for {
		left := sim.platform.waiting()
		queues, err := sim.db.Waiting(ctx)
		if err != nil {
			return err
		}
		for _, q := range queues {
			left += q.Inbox.Open + q.Outbox.Open
		}
		if left == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-end.C:
			sim.print(fmt.Sprintf("! after %v something still waits: %d of deliveries, messages and parts", sim.wait, left))
			return nil
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// show prints a message that arrives.
func (sim *simulation) show(m shown) {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	if sim.fresh[m.who] && len(m.rows) > 0 { // older ones can be pressed until there are new ones
		sim.buttons[m.who], sim.fresh[m.who] = nil, false
	}
	style := sim.con.style()
	head := "→ " + sim.people[m.who].name
	if m.changed {
		head += " (changed)"
	}
	var b strings.Builder
	fmt.Fprintln(&b, style.dim(head))
	text := strings.NewReplacer("\x01", "", "\x02", "")
	if style.on {
		text = strings.NewReplacer("\x01", "\x1b[1m", "\x02", "\x1b[0m")
	}
	width, _ := terminal(sim.con.out)
	for line := range strings.Lines(wrap(m.text, width-2)) {
		b.WriteString("  " + text.Replace(line))
	}
	b.WriteByte('\n')
	for _, row := range m.rows {
		var labels []string
		for _, button := range row {
			sim.buttons[m.who] = append(sim.buttons[m.who], pressed{button, m.id})
			label := fmt.Sprintf("[%d] %s", len(sim.buttons[m.who]), button.label)
			if button.url != "" {
				label += " ↗"
			}
			labels = append(labels, style.cyan(label))
		}
		fmt.Fprintln(&b, "  "+strings.Join(labels, "   "))
	}
	sim.write(b.String())
}

func (sim *simulation) print(line string) {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	sim.write(line + "\n")
}

// write is one write, so that nothing comes between; who reads has gone when it fails.
func (sim *simulation) write(text string) { _, _ = io.WriteString(sim.con.out, text) }
