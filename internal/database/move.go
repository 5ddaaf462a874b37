package database

import (
	"context"
	"fmt"
	"slices"
)

// Move carries over everything of a chat that the platform calls by a new name
// from now on; a person who went by the old name goes by the new one.
func (db *DB) Move(ctx context.Context, channel, from, to string) error {
	if from == to {
		return nil
	}
	return db.writeAnd(ctx, "move chat", true, func(t *tx) error {
		for _, box := range boxes {
			for _, dialogue := range slices.Sorted(slices.Values([]string{from, to})) {
				if err := t.hold(box, channel, dialogue); err != nil {
					return err
				}
			}
		}
		// What the new name already has is newer than what is carried over.
		for _, s := range []string{
			"DELETE FROM dialogues WHERE channel = ? AND dialogue = ? AND EXISTS (SELECT 1 FROM dialogues AS d WHERE d.channel = ? AND d.dialogue = ?)",
			"DELETE FROM unreachable WHERE channel = ? AND dialogue = ? AND EXISTS (SELECT 1 FROM unreachable AS u WHERE u.channel = ? AND u.dialogue = ?)",
			"DELETE FROM feedback WHERE channel = ? AND person = ? AND outcome IN (SELECT f.outcome FROM feedback AS f WHERE f.channel = ? AND f.person = ?)",
			"DELETE FROM holds WHERE channel = ? AND dialogue = ? AND EXISTS (SELECT 1 FROM holds AS h WHERE h.channel = ? AND h.dialogue = ?)",
			"DELETE FROM corrections WHERE channel = ? AND dialogue = ? AND recall IN (SELECT c.recall FROM corrections AS c WHERE c.channel = ? AND c.dialogue = ?)",
		} {
			if _, err := t.exec(s, channel, from, channel, to); err != nil {
				return err
			}
		}
		for _, c := range keyed {
			if c.dialogue != "" {
				if _, err := t.exec(fmt.Sprintf("UPDATE %s SET %s = ? WHERE channel = ? AND %[2]s = ?", c.table, c.dialogue), to, channel, from); err != nil {
					return err
				}
			}
			if c.person != "" {
				if _, err := t.exec(fmt.Sprintf("UPDATE %s SET %s = ? WHERE channel = ? AND %[2]s = ?", c.table, c.person), to, channel, from); err != nil {
					return err
				}
			}
		}
		return t.moveLanes(channel, from, to)
	})
}
