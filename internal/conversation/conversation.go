// Package conversation makes a reply of a message: first contact, commands and the
// words that stand for them, follow-ups and choices, limits per person, feedback,
// handing over to a human. It owns every Vietnamese sentence that is not an answer
// (wording.go). Questions are answered by package pipeline; channels lay replies out
// and deliver them. It does no I/O and keeps nothing between calls: what a dialogue
// remembers is handed in and back as its state.
//
// In a group it answers what it is asked and no more: no greeting, no feedback, no
// suggestions, no handing over, because strangers read along and would press buttons
// that are not theirs. The first answer in a group says that an AI wrote it. Each
// person's questions lean on that person's own earlier ones only.
//
// Whoever asks for a human opens a ticket, and from then on the bot is silent in that
// dialogue for Options.Hold; likewise when a human of the office answers on the platform
// itself, or the console takes the dialogue (webhook.Message.Held, which decides where it
// is known). Silent means: what is written is kept as an outcome that was handed over and
// as a note for the officer, danger is still answered, "hỏi trợ lý AI", /moi, /hoi and
// /start bring the bot back, and when the time has passed, or the officer has given the
// dialogue back, it says that it speaks again.
//
// An edited message is answered once more at most: the first edit after the last new
// message, when its text differs from the question it replaces, which is then
// forgotten. Further edits, and edits of commands, are passed over.
//
// To follow a message: Respond and handle (conversation.go) tell what it is and whether it
// may be answered (limit.go); then it is a command (commands.go, commune.go), the press of
// a button (press.go, feedback.go, choice.go), a file (file.go) or a question (ask.go).
// While a human has the dialogue, handover.go comes first. state.go is what is remembered.
package conversation

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"troly/internal/corpus"
	"troly/internal/pipeline"
	"troly/internal/vietnamese"
	"troly/internal/webhook"
)

// Assistant answers questions; *pipeline.Assistant is one.
type Assistant interface {
	Stream(ctx context.Context, q pipeline.Question, release pipeline.Release) pipeline.Outcome
	Emergency(text string) bool
}

// Contacts are the numbers that may be printed; *corpus.Library has them.
type Contacts interface {
	Contact(id string) (corpus.Contact, bool)
}

// Places finds the units of local government that a text names; *corpus.Units does.
type Places interface {
	Lookup(text string) []corpus.Place
}

// Options are what a Conversation is made of beside what it asks. The zero value is
// ready to use.
type Options struct {
	Audience string      // of every question, see pipeline.Question
	AsOf     corpus.Date // likewise

	PerMinute int           // messages of one person that are answered; 0: 20, negative: no limit
	PerDay    int           // likewise; 0: 200
	FollowUp  time.Duration // how long a question may lean on an earlier one; 0: 30 minutes
	Forget    time.Duration // after which a silent dialogue begins anew; 0: 30 days
	Hold      time.Duration // that a human has a dialogue, if they do not give it back; 0: 12 hours
	KeepDays  int           // after which what was said is deleted, as people are told; 0: "sau một thời gian", negative: nothing is kept
	NoStaff   bool          // nobody reads what is handed over: whoever wants a human is told where to find one
	Staffed   func() bool   // whether somebody does at this moment, in place of NoStaff; nil: NoStaff says

	Now   func() time.Time // nil: time.Now
	NewID func() string    // of an outcome: unique, at most 48 letters, digits, "-" or "_"; nil: 26 random letters and digits
	Log   *slog.Logger     // nil: nothing is logged
}

// Conversation is a webhook.Responder. Any number of goroutines may use one.
type Conversation struct {
	assistant Assistant
	contacts  Contacts
	places    Places
	opts      Options

	complaints, questions *vietnamese.Patterns // in a message after 👎
}

var _ webhook.Responder = (*Conversation)(nil)

// New returns a Conversation.
func New(assistant Assistant, contacts Contacts, places Places, opts Options) *Conversation {
	opts.PerMinute = cmp.Or(opts.PerMinute, 20)
	opts.PerDay = cmp.Or(opts.PerDay, 200)
	opts.FollowUp = cmp.Or(opts.FollowUp, 30*time.Minute)
	opts.Forget = cmp.Or(opts.Forget, 30*24*time.Hour)
	opts.Hold = cmp.Or(opts.Hold, 12*time.Hour)
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.NewID == nil {
		opts.NewID = rand.Text
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	return &Conversation{
		assistant: assistant, contacts: contacts, places: places, opts: opts,
		complaints: patterns(complaintPhrases), questions: patterns(questionPhrases),
	}
}

// patterns parses phrases of this package, which a test goes through.
func patterns(phrases []string) *vietnamese.Patterns {
	p, err := vietnamese.NewPatterns(phrases)
	if err != nil {
		panic(err)
	}
	return p
}

// Respond answers m; see webhook.Responder. The time that ctx leaves is the time an
// answer may take. A state that cannot be read is that of a new dialogue. Whatever
// breaks, the person gets a sentence, and never the text of an error.
func (c *Conversation) Respond(ctx context.Context, m webhook.Message, state []byte, release func(text string)) (r webhook.Response) {
	defer func() {
		if broken := recover(); broken != nil {
			// What it says may hold what a person wrote, the stack does not.
			c.opts.Log.ErrorContext(ctx, "a message could not be answered: panic", "kind", string(m.Kind), "stack", string(debug.Stack()))
			r = c.LastWord(m, state)
		}
	}()
	x := c.begin(ctx, m, state, release)
	x.handle()
	return x.end()
}

// LastWord is what comes of a message that Respond cannot answer. Whoever wants to be
// forgotten is, and whoever wants a human gets one: neither needs an answer to be found.
// Everybody else gets Apology, and the dialogue stays as it was.
func (c *Conversation) LastWord(m webhook.Message, state []byte) (r webhook.Response) {
	if Erases(m) {
		return webhook.Response{Erase: true, Replies: []webhook.Reply{{Text: erased}}}
	}
	apology := webhook.Response{Replies: []webhook.Reply{{Text: Apology}}, State: state}
	defer func() {
		if recover() != nil {
			r = apology
		}
	}()
	x := c.begin(context.Background(), m, state, nil)
	command, argument := x.command()
	if command != staff {
		return apology
	}
	x.handOver(argument)
	return x.end()
}

// exchange is one message and what comes of it.
type exchange struct {
	*Conversation
	ctx     context.Context
	m       webhook.Message
	release func(text string)

	at    time.Time // when it was sent, as far as that can be believed
	who   string    // whose turns are leaned on: a hash in groups, empty elsewhere
	state *state    // of the dialogue; it becomes the state of the response
	notes []string  // lines for a reply of their own, after all others
	quiet bool      // no introduction belongs under this

	response webhook.Response // so far
}

func (c *Conversation) begin(ctx context.Context, m webhook.Message, data []byte, release func(string)) *exchange {
	x := &exchange{Conversation: c, ctx: ctx, m: m, release: release, state: decode(data)}
	x.m.Text = strings.TrimSpace(strings.ToValidUTF8(m.Text, ""))
	x.m.Quoted = strings.TrimSpace(strings.ToValidUTF8(m.Quoted, ""))
	now := c.opts.Now()
	x.at = now
	if age := now.Sub(m.Sent); age > 0 && age < oldestSent {
		x.at = m.Sent // a queue that was stopped for an hour must not look like a flood
	}
	if m.Group {
		x.who = nameless(m.Channel, m.Person)
	}
	if x.at.Sub(x.state.seen()) > c.opts.Forget {
		x.state = &state{Version: stateVersion}
	}
	if m.Held != nil {
		x.state.heldUntil(*m.Held, x.at)
	}
	return x
}

// oldestSent is how far back the time of a message is believed.
const oldestSent = 24 * time.Hour

// handle decides what kind of message it is. Erasing comes before every limit: it is
// a right.
func (x *exchange) handle() {
	switch x.m.Kind {
	case webhook.Left:
		return
	case webhook.TookOver:
		x.hold(false)
		return
	}
	command, argument := x.command()
	x.response.Note = x.said(command, argument)
	switch {
	case command == erase:
		x.response.Note = ""
		x.erase()
	case !x.allowed():
		x.overLimit()
	case x.held():
		x.whileHeld(command, argument)
	case x.m.Edited:
		x.edited()
	case command != "":
		x.newMessage()
		x.obey(command, argument)
	default:
		x.newMessage()
		x.plain()
	}
}

// newMessage is called for what is not an edit.
func (x *exchange) newMessage() { x.state.Edited = false }

// plain answers what is no command.
func (x *exchange) plain() {
	switch x.m.Kind {
	case webhook.Button:
		x.press(x.m.Action)
	case webhook.Joined:
		x.joined()
	case webhook.Voice:
		if x.m.Text == "" {
			x.say(webhook.Reply{Text: noVoice})
			return
		}
		x.text()
	case webhook.File:
		x.file()
	default:
		x.text()
	}
}

// say adds a reply.
func (x *exchange) say(r webhook.Reply) { x.response.Replies = append(x.response.Replies, r) }

// note adds a line to the reply that comes after all others.
func (x *exchange) note(line string) { x.notes = append(x.notes, line) }

// end introduces the assistant where that was not done yet, and closes the response.
func (x *exchange) end() webhook.Response {
	if x.response.Erase && !x.m.Group {
		return x.response // forgotten, the introduction too
	}
	if len(x.response.Replies) > 0 && !x.quiet && !x.state.Greeted {
		x.state.Greeted = true
		if x.m.Group {
			x.note(groupNotice)
		} else {
			x.note(x.firstNotice())
		}
	}
	if len(x.notes) > 0 {
		x.say(webhook.Reply{Text: strings.Join(x.notes, "\n")})
	}
	x.state.Seen = x.at.UnixMilli()
	x.response.State = x.state.encode()
	return x.response
}

// joined greets somebody who came, once.
func (x *exchange) joined() {
	if x.m.Group || x.state.Greeted {
		return
	}
	x.welcome()
}

// welcome is the first contact in full.
func (x *exchange) welcome() {
	x.state.Greeted = true
	x.say(webhook.Reply{Text: x.welcomeText(), Choices: exampleChoices()})
}

// erase forgets the person, at once and without a question back: what it costs is
// only to be asked again.
func (x *exchange) erase() {
	x.response.Erase = true
	x.say(webhook.Reply{Text: erased})
	if x.m.Group { // the others' dialogue goes on
		x.state.forget(x.who)
		x.quiet = true
	}
}
