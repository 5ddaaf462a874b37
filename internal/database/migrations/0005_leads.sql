-- What one process at a time does, see Lead. SQLite, which is one machine's, needs it not.

CREATE TABLE leads (
    name  TEXT   PRIMARY KEY,
    owner TEXT   NOT NULL,
    until BIGINT NOT NULL
);
