-- What staff do. Accounts are known by name in every other table, so that what
-- somebody did stays readable after the account has gone.

CREATE TABLE accounts (
    name     TEXT     PRIMARY KEY,
    role     TEXT     NOT NULL,
    hash     TEXT     NOT NULL,
    disabled SMALLINT NOT NULL DEFAULT 0,
    created  BIGINT   NOT NULL
);

CREATE TABLE sessions (
    hash    BYTEA  PRIMARY KEY,
    account TEXT   NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX sessions_account ON sessions (account);
CREATE INDEX sessions_expires ON sessions (expires);

CREATE TABLE attempts (
    id      IDENTITY,
    subject TEXT   NOT NULL,
    at      BIGINT NOT NULL
);
CREATE INDEX attempts_subject ON attempts (subject, at);
CREATE INDEX attempts_at ON attempts (at);

CREATE TABLE api_keys (
    id         IDENTITY,
    name       TEXT     NOT NULL,
    hash       BYTEA    NOT NULL UNIQUE,
    scopes     TEXT     NOT NULL,
    per_minute INTEGER  NOT NULL,
    created    BIGINT   NOT NULL,
    expires    BIGINT   NOT NULL,
    revoked    BIGINT   NOT NULL DEFAULT 0
);

CREATE TABLE switches (
    name   TEXT     PRIMARY KEY,
    turned SMALLINT NOT NULL,
    reason TEXT     NOT NULL,
    who    TEXT     NOT NULL,
    at     BIGINT   NOT NULL
);

CREATE TABLE audit (
    id      IDENTITY,
    who     TEXT   NOT NULL,
    what    TEXT   NOT NULL,
    subject TEXT   NOT NULL,
    why     TEXT   NOT NULL,
    at      BIGINT NOT NULL
);
CREATE INDEX audit_who ON audit (who, id);
CREATE INDEX audit_subject ON audit (subject, id);
CREATE INDEX audit_what ON audit (what, id);

CREATE TABLE ticket_messages (
    id     IDENTITY,
    ticket BIGINT NOT NULL,
    side   TEXT   NOT NULL,
    author TEXT   NOT NULL,
    text   TEXT   NOT NULL,
    at     BIGINT NOT NULL
);
CREATE INDEX ticket_messages_ticket ON ticket_messages (ticket, id);

-- While a dialogue is held the bot is silent in it.
CREATE TABLE holds (
    channel  TEXT   NOT NULL,
    dialogue TEXT   NOT NULL,
    person   TEXT   NOT NULL,
    until    BIGINT NOT NULL,
    reason   TEXT   NOT NULL,
    PRIMARY KEY (channel, dialogue)
);
CREATE INDEX holds_person ON holds (channel, person);
CREATE INDEX holds_until ON holds (until);

CREATE TABLE approved (
    id        IDENTITY,
    questions TEXT   NOT NULL,
    answer    TEXT   NOT NULL,
    owner     TEXT   NOT NULL,
    sources   TEXT   NOT NULL,
    state     TEXT   NOT NULL,
    outcome   TEXT   NOT NULL,
    expires   BIGINT NOT NULL,
    created   BIGINT NOT NULL,
    updated   BIGINT NOT NULL
);

CREATE TABLE corrections (
    recall   TEXT   NOT NULL,
    channel  TEXT   NOT NULL,
    dialogue TEXT   NOT NULL,
    person   TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (recall, channel, dialogue)
);
CREATE INDEX corrections_person ON corrections (channel, person);

-- Numbers only, so they outlive what they count. day is in the office's time. A
-- number is the sum of its shards: everyone who adds to one row at the same time
-- would wait for everyone's commit.
CREATE TABLE counts (
    day     TEXT     NOT NULL,
    channel TEXT     NOT NULL,
    what    TEXT     NOT NULL,
    shard   SMALLINT NOT NULL,
    n       BIGINT   NOT NULL,
    PRIMARY KEY (day, channel, what, shard)
);
