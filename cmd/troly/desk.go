package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"troly/internal/conversation"
	"troly/internal/database"
	"troly/internal/privacy"
	"troly/internal/telegram"
	"troly/internal/web"
	"troly/internal/webhook"
)

// desk carries what staff say to residents: laid out by the resident's channel and put
// into its outbox.
type desk struct {
	db       *database.DB
	channels map[string]webhook.Channel // those that are set up
	on       func(name string) bool     // nothing is sent on a channel that is turned off
	now      func() time.Time
	masker   privacy.Masker // of what is kept of a reply
}

var _ web.Desk = (*desk)(nil)

// silentFor is how long the bot is silent after an officer spoke, as after somebody
// asked for one.
const silentFor = 12 * time.Hour

// windows are how long platforms take messages after a person was heard of.
var windows = map[string]time.Duration{"zalo": 48 * time.Hour}

// Window says whether a person can be written to in a dialogue now.
func (d *desk) Window(ctx context.Context, channel, dialogue, person string) (web.Window, error) {
	ch, known := d.channels[channel]
	if channel != web.Channel && !known || !d.on(channel) {
		return web.Window{Why: web.ChannelOff}, nil
	}
	reachable, err := d.db.Reachable(ctx, channel, dialogue)
	if err != nil {
		return web.Window{}, err
	}
	if !reachable {
		return web.Window{Why: web.Unreachable}, nil
	}
	if channel == web.Channel { // there the person is the dialogue
		kept, err := d.db.Remembered(ctx, channel, person)
		if err == nil && kept.Page == nil {
			return web.Window{Why: web.PageGone}, nil
		}
		if err != nil {
			return web.Window{}, err
		}
	}
	open := web.Window{Open: true}
	if limited, is := ch.(webhook.Windowed); is {
		var refusal *webhook.SendError
		if err := limited.MayWrite(ctx, dialogue); errors.As(err, &refusal) && refusal.Class == webhook.Unreachable {
			return web.Window{Why: web.WindowPassed}, nil
		} else if err != nil {
			return web.Window{}, err
		}
		heard, err := d.db.LastHeard(ctx, channel, person)
		if err != nil {
			return web.Window{}, err
		}
		// Billed messages go out later than the free window, whose end is then behind.
		if until := heard.Add(windows[channel]); until.After(d.now()) {
			open.Until = until
		}
	}
	return open, nil
}

// may is the error of not being able to write to somebody.
func (d *desk) may(ctx context.Context, channel, dialogue, person string) error {
	w, err := d.Window(ctx, channel, dialogue, person)
	if err == nil && !w.Open {
		return web.ErrWindow{Why: w.Why}
	}
	return err
}

// parts lays a reply out as a channel sends it.
func (d *desk) parts(channel, dialogue, person string, r webhook.Reply) ([][]byte, error) {
	if channel == web.Channel {
		part, err := web.Letter(r)
		return [][]byte{part}, err
	}
	ch, ok := d.channels[channel]
	if !ok {
		return nil, web.ErrWindow{Why: web.ChannelOff}
	}
	to := webhook.Message{Channel: channel, Dialogue: dialogue, Person: person, Kind: webhook.Text, Sent: d.now()}
	to.Group = channel == "telegram" && telegram.Group(dialogue)
	var parts [][]byte
	for _, p := range ch.Parts(to, r) {
		parts = append(parts, p)
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("channel %s lays nothing out", channel)
	}
	return parts, nil
}

// unreachable says in the words of the console that the database does not post to
// somebody.
func unreachable(err error) error {
	if errors.Is(err, database.ErrUnreachable) {
		return web.ErrWindow{Why: web.Unreachable}
	}
	return err
}

// Reply sends an officer's reply as it is written, and keeps it masked: what a ticket
// says of somebody is read by others of the staff.
func (d *desk) Reply(ctx context.Context, by database.By, k database.Ticket, text string) error {
	if err := d.may(ctx, k.Channel, k.Dialogue, k.Person); err != nil {
		return err
	}
	parts, err := d.parts(k.Channel, k.Dialogue, k.Person, conversation.FromStaff(text))
	if err != nil {
		return err
	}
	kept, _ := d.masker.Mask(text)
	return unreachable(d.db.ReplyTicket(ctx, by, k.ID, kept, parts, d.now().Add(silentFor)))
}

// End gives the dialogue of a ticket back to the bot.
func (d *desk) End(ctx context.Context, by database.By, k database.Ticket, as database.TicketStatus) error {
	return d.db.EndTicket(ctx, by, k.ID, as)
}

// Take opens a ticket and makes the bot silent in its dialogue.
func (d *desk) Take(ctx context.Context, by database.By, k database.Ticket) (int64, error) {
	id, err := d.db.OpenTicket(ctx, by, k)
	if err != nil {
		return 0, err
	}
	return id, d.db.Hold(ctx, by, k.Channel, k.Dialogue, k.Person, d.now().Add(silentFor), "ticket")
}

// Correct sends a correction.
func (d *desk) Correct(ctx context.Context, by database.By, recall string, to database.Recipient, text string) (bool, error) {
	if err := d.may(ctx, to.Channel, to.Dialogue, to.Person); err != nil {
		return false, err
	}
	parts, err := d.parts(to.Channel, to.Dialogue, to.Person, conversation.Correction(text))
	if err != nil {
		return false, err
	}
	sent, err := d.db.Correct(ctx, by, recall, to, parts)
	return sent, unreachable(err)
}
