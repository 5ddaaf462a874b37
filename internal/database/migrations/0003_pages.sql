-- What a channel shows of a dialogue that it keeps itself, for channels that answer
-- at once; see Exchange.

ALTER TABLE dialogues ADD COLUMN page BYTEA;
