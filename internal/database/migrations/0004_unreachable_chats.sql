-- It is a chat that cannot be written to, not a person: who blocks the bot can still
-- be answered in a group. Until now it was noted of people, whose own chat goes by
-- their name on the channels where that happens.

ALTER TABLE unreachable RENAME TO unreachable_people;
CREATE TABLE unreachable (
    channel  TEXT   NOT NULL,
    dialogue TEXT   NOT NULL,
    person   TEXT   NOT NULL,
    reason   TEXT   NOT NULL,
    since    BIGINT NOT NULL,
    PRIMARY KEY (channel, dialogue)
);
CREATE INDEX unreachable_person ON unreachable (channel, person);
INSERT INTO unreachable (channel, dialogue, person, reason, since) SELECT channel, person, person, reason, since FROM unreachable_people;
DROP TABLE unreachable_people;
