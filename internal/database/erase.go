package database

// keyed are the tables with rows that belong to a person or chat of a channel,
// and the columns that say so: what erase empties and Move renames.
var keyed = []struct{ table, dialogue, person string }{
	{"inbox", "dialogue", "person"},
	{"outbox", "dialogue", "person"},
	{"dialogues", "dialogue", "person"},
	{"unreachable", "dialogue", "person"},
	{"outcomes", "dialogue", "person"},
	{"feedback", "", "person"},
	{"tickets", "dialogue", "person"},
	{"holds", "dialogue", "person"},
	{"corrections", "dialogue", "person"},
}

// erase removes everything kept about a person of a channel from every table, at once:
// waiting and past messages with their keys, answers not yet sent, what their dialogues
// remember, outcomes, feedback, tickets with their conversation. Work in progress for
// them ends with ErrLost. What is posted to them later is kept as usual. rows is how many
// went.
func (t *tx) erase(channel, person string) (rows int, err error) {
	// In a group what a dialogue remembers may be of anyone who wrote there.
	dialogues, err := t.strings(`SELECT dialogue FROM inbox WHERE channel = ? AND person = ? UNION SELECT dialogue FROM outbox WHERE channel = ? AND person = ?
		UNION SELECT dialogue FROM outcomes WHERE channel = ? AND person = ? UNION SELECT dialogue FROM dialogues WHERE channel = ? AND person = ? ORDER BY 1`,
		channel, person, channel, person, channel, person, channel, person)
	if err != nil {
		return 0, err
	}
	for _, box := range boxes {
		for _, dialogue := range dialogues {
			if err := t.hold(box, channel, dialogue); err != nil {
				return 0, err
			}
		}
	}
	remove := func(query string, args ...any) {
		if err == nil {
			var n int64
			n, err = t.exec(query, args...)
			rows += int(n)
		}
	}
	for _, dialogue := range dialogues {
		remove("DELETE FROM dialogues WHERE channel = ? AND dialogue = ?", channel, dialogue)
	}
	const theirs = " IN (SELECT id FROM outcomes WHERE channel = ? AND person = ?)"
	remove("DELETE FROM outcome_documents WHERE outcome"+theirs, channel, person)
	remove("DELETE FROM feedback WHERE outcome"+theirs, channel, person)
	remove("DELETE FROM ticket_messages WHERE ticket IN (SELECT id FROM tickets WHERE channel = ? AND person = ?)", channel, person)
	for _, c := range keyed {
		remove("DELETE FROM "+c.table+" WHERE channel = ? AND person = ?", channel, person)
	}
	for _, box := range boxes {
		for _, dialogue := range dialogues {
			if err == nil {
				err = t.settleAfter(box, channel, dialogue)
			}
		}
	}
	return rows, err
}
