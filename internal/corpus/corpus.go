// Package corpus reads the knowledge files: documents with typed facts, the
// glossary and the contacts. It checks them (Lint), prints their facts for a day
// (Library.Line), and cuts them into the chunks that are indexed (Library.Split).
// It leaves storing to package ingest and finding to package retrieval.
package corpus
