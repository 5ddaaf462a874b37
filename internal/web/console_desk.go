package web

import (
	"context"
	"time"

	"troly/internal/database"
)

// Window says whether a resident can be written to now.
type Window struct {
	Open  bool
	Until time.Time // when it closes; zero: it does not
	Why   string    // WindowPassed and so on when it is not open
}

// Why nobody can be written to.
const (
	WindowPassed = "window"      // the platform takes messages only for some time after the resident wrote
	Unreachable  = "unreachable" // the resident has blocked or left the account
	PageGone     = "gone"        // the chat page of the dialogue is kept no more: nobody would read it
	ChannelOff   = "off"         // no such channel is set up here, or it is turned off
)

// ErrWindow is the error of a Desk that may not write to somebody now.
type ErrWindow struct{ Why string }

func (e ErrWindow) Error() string { return "may not be written to: " + e.Why }

// Desk carries what staff say to residents, each on their own channel. What it does is
// in the audit log when it returns nil.
type Desk interface {
	// Window says whether a person can be written to in a dialogue.
	Window(ctx context.Context, channel, dialogue, person string) (Window, error)

	// Reply sends an officer's reply and keeps the bot silent in the dialogue for a
	// while. The error is an ErrWindow when the platform forbids it, and
	// database.ErrChanged when the ticket has ended.
	Reply(ctx context.Context, by database.By, k database.Ticket, text string) error

	// End gives the dialogue of a ticket back to the bot.
	End(ctx context.Context, by database.By, k database.Ticket, as database.TicketStatus) error

	// Take opens a ticket for a dialogue and makes the bot silent there.
	Take(ctx context.Context, by database.By, k database.Ticket) (id int64, err error)

	// Correct sends a correction once for each name of a recall; sent is false when
	// this dialogue had it before.
	Correct(ctx context.Context, by database.By, recall string, to database.Recipient, text string) (sent bool, err error)
}

// windowWords say why nothing can be sent.
func windowWords(why string) string {
	switch why {
	case WindowPassed:
		return "Nền tảng chỉ cho nhắn trong một thời gian sau khi người dân viết, và thời gian đó đã hết. Tin chưa được gửi. Hãy gọi điện, hoặc chờ người dân nhắn lại."
	case Unreachable:
		return "Người dân đã chặn hoặc bỏ theo dõi tài khoản nên không nhắn được. Tin chưa được gửi."
	case PageGone:
		return "Người dân hỏi trên trang web đã lâu, trình duyệt không còn giữ cuộc trò chuyện này nên không ai đọc được. Tin chưa được gửi."
	}
	return "Kênh này đang tắt hoặc chưa được cài đặt trên máy chủ. Tin chưa được gửi."
}

// WhyWords are for the template.
func (w Window) WhyWords() string { return windowWords(w.Why) }
