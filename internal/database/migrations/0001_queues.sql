-- One text for SQLite and PostgreSQL: IDENTITY stands for what either calls a
-- number that is given by the database and never given twice. Times are
-- milliseconds UTC; done: 0 open, then see the Go constants.

CREATE TABLE inbox (
    id       IDENTITY,
    channel  TEXT     NOT NULL,
    key      TEXT     NOT NULL,
    dialogue TEXT     NOT NULL,
    person   TEXT     NOT NULL,
    body     BYTEA    NOT NULL,
    at       BIGINT   NOT NULL,
    seen     BIGINT   NOT NULL,
    silent   SMALLINT NOT NULL DEFAULT 0,
    done     SMALLINT NOT NULL DEFAULT 0,
    attempt  INTEGER  NOT NULL DEFAULT 0,
    owner    TEXT     NOT NULL DEFAULT '',
    reason   TEXT     NOT NULL DEFAULT '',
    finished BIGINT   NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX inbox_key ON inbox (channel, key);
CREATE INDEX inbox_person ON inbox (channel, person, at);
CREATE INDEX inbox_open ON inbox (channel, dialogue, id) WHERE done = 0;
CREATE INDEX inbox_finished ON inbox (finished) WHERE done > 0;

CREATE TABLE outbox (
    id          IDENTITY,
    reply       BIGINT   NOT NULL DEFAULT 0,
    channel     TEXT     NOT NULL,
    dialogue    TEXT     NOT NULL,
    person      TEXT     NOT NULL,
    body        BYTEA    NOT NULL,
    created     BIGINT   NOT NULL,
    heard       BIGINT   NOT NULL DEFAULT 0,
    fleeting    SMALLINT NOT NULL DEFAULT 0,
    done        SMALLINT NOT NULL DEFAULT 0,
    begun       SMALLINT NOT NULL DEFAULT 0,
    interrupted SMALLINT NOT NULL DEFAULT 0,
    attempt     INTEGER  NOT NULL DEFAULT 0,
    owner       TEXT     NOT NULL DEFAULT '',
    code        TEXT     NOT NULL DEFAULT '',
    receipt     TEXT     NOT NULL DEFAULT '',
    finished    BIGINT   NOT NULL DEFAULT 0
);
CREATE INDEX outbox_person ON outbox (channel, person);
CREATE INDEX outbox_open ON outbox (channel, dialogue, id) WHERE done = 0;
CREATE INDEX outbox_finished ON outbox (finished) WHERE done > 0;

-- A lane is a dialogue that has something open in the inbox (box 0) or outbox
-- (box 1). It is in work or held back until ready, and whoever changes what is
-- in it holds its row: that is how order within a dialogue is kept.
CREATE TABLE lanes (
    box      SMALLINT NOT NULL,
    channel  TEXT     NOT NULL,
    dialogue TEXT     NOT NULL,
    ready    BIGINT   NOT NULL,
    PRIMARY KEY (channel, dialogue, box)
);
CREATE INDEX lanes_in ON lanes (ready) WHERE box = 0;
CREATE INDEX lanes_out ON lanes (channel, ready) WHERE box = 1;

CREATE TABLE dialogues (
    channel  TEXT   NOT NULL,
    dialogue TEXT   NOT NULL,
    person   TEXT   NOT NULL,
    state    BYTEA  NOT NULL,
    updated  BIGINT NOT NULL,
    PRIMARY KEY (channel, dialogue)
);
CREATE INDEX dialogues_person ON dialogues (channel, person);
CREATE INDEX dialogues_updated ON dialogues (updated);

CREATE TABLE unreachable (
    channel TEXT   NOT NULL,
    person  TEXT   NOT NULL,
    reason  TEXT   NOT NULL,
    since   BIGINT NOT NULL,
    PRIMARY KEY (channel, person)
);

CREATE TABLE outcomes (
    id       TEXT   PRIMARY KEY,
    channel  TEXT   NOT NULL,
    dialogue TEXT   NOT NULL,
    person   TEXT   NOT NULL,
    status   TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    question  TEXT  NOT NULL,
    words     TEXT  NOT NULL,
    documents TEXT  NOT NULL,
    failed    TEXT  NOT NULL,
    answer    TEXT  NOT NULL,
    body      BYTEA NOT NULL
);
CREATE INDEX outcomes_at ON outcomes (at, id);
CREATE INDEX outcomes_status ON outcomes (status, at, id);
CREATE INDEX outcomes_person ON outcomes (channel, person, at);
CREATE INDEX outcomes_dialogue ON outcomes (channel, dialogue, at);
CREATE INDEX outcomes_answer ON outcomes (answer, at) WHERE answer <> '';

CREATE TABLE outcome_documents (
    outcome  TEXT   NOT NULL,
    document TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (outcome, document)
);
CREATE INDEX outcome_documents_document ON outcome_documents (document, at, outcome);

CREATE TABLE feedback (
    outcome TEXT     NOT NULL,
    channel TEXT     NOT NULL,
    person  TEXT     NOT NULL,
    good    SMALLINT NOT NULL,
    reason  TEXT     NOT NULL,
    at      BIGINT   NOT NULL,
    PRIMARY KEY (outcome, channel, person)
);
CREATE INDEX feedback_person ON feedback (channel, person);
CREATE INDEX feedback_at ON feedback (at, outcome);

CREATE TABLE tickets (
    id       IDENTITY,
    channel  TEXT   NOT NULL,
    dialogue TEXT   NOT NULL,
    person   TEXT   NOT NULL,
    outcome  TEXT   NOT NULL,
    reason   TEXT   NOT NULL,
    summary  TEXT   NOT NULL,
    commune  TEXT   NOT NULL,
    topic    TEXT   NOT NULL,
    status   TEXT   NOT NULL,
    assignee TEXT   NOT NULL DEFAULT '',
    due      BIGINT NOT NULL DEFAULT 0,
    created  BIGINT NOT NULL,
    updated  BIGINT NOT NULL
);
CREATE INDEX tickets_person ON tickets (channel, person);
CREATE INDEX tickets_dialogue ON tickets (channel, dialogue);
CREATE INDEX tickets_status ON tickets (status, id);

CREATE TABLE tokens (
    channel  TEXT   PRIMARY KEY,
    value    BYTEA  NOT NULL,
    previous BYTEA  NOT NULL,
    changed  BIGINT NOT NULL
);
