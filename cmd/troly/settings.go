package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/caarlos0/env/v11"
	"github.com/joho/godotenv"

	"troly/knowledge"
)

// settings are read from the environment and from .env in the working directory;
// .env.example lists every one.
type settings struct {
	Addr         string     `env:"TROLY_ADDR" envDefault:"127.0.0.1:8080"`
	DataDir      string     `env:"TROLY_DATA_DIR" envDefault:"./data"`
	KnowledgeDir string     `env:"TROLY_KNOWLEDGE_DIR"`
	LogLevel     slog.Level `env:"TROLY_LOG_LEVEL" envDefault:"warn"`
	PublicURL    string     `env:"TROLY_PUBLIC_URL"`

	Qdrant   qdrantSettings
	Models   modelSettings
	Database databaseSettings
	Pages    pageSettings
	Telegram telegramSettings
	Zalo     zaloSettings
	ZaloBot  zaloBotSettings

	Telemetry telemetrySettings
	Console   consoleSettings
}

// options are the flags every command has; they win over the environment.
type options struct {
	knowledge string
	data      string
}

// readSettings reads and checks all settings. The error names the setting that is
// wrong and is a usageError.
func readSettings(opts *options) (settings, error) {
	if err := godotenv.Load(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return settings{}, usageError{fmt.Errorf("read .env: %w", err)}
	}
	var s settings
	if err := env.Parse(&s); err != nil {
		return settings{}, usageError{settingError(reflect.TypeFor[settings](), err)}
	}
	if opts.knowledge != "" {
		s.KnowledgeDir = opts.knowledge
	}
	if opts.data != "" {
		s.DataDir = opts.data
	}
	if err := s.check(); err != nil {
		return settings{}, usageError{err}
	}
	return s, nil
}

func (s settings) check() error {
	if _, _, err := net.SplitHostPort(s.Addr); err != nil {
		return fmt.Errorf("TROLY_ADDR %q: write host:port, for example 127.0.0.1:8080", s.Addr)
	}
	if s.DataDir == "" {
		return errors.New("TROLY_DATA_DIR is empty: name a folder, for example ./data")
	}
	if s.KnowledgeDir != "" {
		if info, err := os.Stat(s.KnowledgeDir); err != nil || !info.IsDir() {
			return fmt.Errorf("TROLY_KNOWLEDGE_DIR %q: no such folder", s.KnowledgeDir)
		}
	}
	return cmp.Or(checkPublicURL(s.PublicURL), s.Models.check(), s.Qdrant.check(), s.Database.check(), s.Pages.check(),
		s.Telegram.check(), s.Zalo.check(), s.ZaloBot.check(), s.Telemetry.check(), s.Console.check())
}

// checkAddr names a setting that is neither empty nor an address to listen on.
func checkAddr(name, value string) error {
	if _, _, err := net.SplitHostPort(value); value != "" && err != nil {
		return fmt.Errorf("%s %q: write host:port, for example 127.0.0.1:9090", name, value)
	}
	return nil
}

// settingError names the setting that could not be read: the library knows it by its
// field of group, or of a group in it.
func settingError(group reflect.Type, err error) error {
	var wrong env.ParseError
	if !errors.As(err, &wrong) {
		return fmt.Errorf("settings: %w", err)
	}
	for _, field := range reflect.VisibleFields(group) {
		name, isSetting := field.Tag.Lookup("env")
		switch {
		case isSetting && field.Name == wrong.Name && field.Type == wrong.Type:
			return fmt.Errorf("%s %q: not a %s (default: %s)", name, os.Getenv(name), kindName(wrong.Type), field.Tag.Get("envDefault"))
		case !isSetting && field.Type.Kind() == reflect.Struct:
			if inner := settingError(field.Type, err); !strings.HasPrefix(inner.Error(), "settings: ") {
				return inner
			}
		}
	}
	return fmt.Errorf("settings: %w", err)
}

// kindName is what a person calls the kind of a setting.
func kindName(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[int](), reflect.TypeFor[uint32]():
		return "number"
	case reflect.TypeFor[slog.Level]():
		return "level: debug, info, warn, error"
	}
	return t.Name()
}

// knowledgeFS is the folder of the settings, or what the program carries.
func (s settings) knowledgeFS() fs.FS {
	if s.KnowledgeDir != "" {
		return os.DirFS(s.KnowledgeDir)
	}
	return knowledge.FS
}

// file is the path of a file in the data directory.
func (s settings) file(name string) string { return filepath.Join(s.DataDir, name) }

// knowledgeName says in words where the knowledge comes from.
func (s settings) knowledgeName() string {
	if s.KnowledgeDir == "" {
		return "embedded in the program"
	}
	return strings.TrimSuffix(s.KnowledgeDir, "/")
}
