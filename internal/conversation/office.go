package conversation

import "troly/internal/webhook"

// FromStaff is what an officer says, as the resident reads it: that a human speaks,
// the words, and the way back to the bot.
func FromStaff(text string) webhook.Reply {
	return webhook.Reply{Text: staffSays + "\n" + text, Staff: true, Choices: []webhook.Choice{{Label: labelBack, Action: actionBack}}}
}

// Correction is what somebody who was given a wrong answer reads.
func Correction(text string) webhook.Reply {
	return webhook.Reply{Text: wasWrong + "\n" + text, Staff: true}
}
