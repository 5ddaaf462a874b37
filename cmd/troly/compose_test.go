package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// composeFile is what the test reads of docker-compose.yml.
type composeFile struct {
	Services map[string]struct {
		Image       string            `yaml:"image"`
		Build       string            `yaml:"build"`
		Profiles    []string          `yaml:"profiles"`
		Ports       []string          `yaml:"ports"`
		Volumes     []string          `yaml:"volumes"`
		DependsOn   any               `yaml:"depends_on"`
		Environment map[string]string `yaml:"environment"`
		Healthcheck struct {
			Test    []string `yaml:"test"`
			Timeout string   `yaml:"timeout"`
		} `yaml:"healthcheck"`
	} `yaml:"services"`
	Volumes map[string]any `yaml:"volumes"`
}

// pinned is an image with a version of at least two numbers.
var pinned = regexp.MustCompile(`^[a-z0-9./-]+:v?[0-9]+\.[0-9]+[a-z0-9.-]*$`)

func TestCompose(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var file composeFile
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	var names, usual []string
	hostPorts := make(map[string]string)
	for name, s := range file.Services {
		names = append(names, name)
		if len(s.Profiles) == 0 {
			usual = append(usual, name)
		}
		if !pinned.MatchString(s.Image) && s.Build == "" {
			t.Errorf("%s: the image %q has no version", name, s.Image)
		}
		if len(s.Healthcheck.Test) < 2 || s.Healthcheck.Timeout == "" {
			t.Errorf("%s: no health check with a timeout", name)
		}
		for _, p := range s.Ports {
			host, ok := strings.CutPrefix(p, "127.0.0.1:")
			if !ok {
				t.Errorf("%s: port %s is open to the network", name, p)
			}
			host, _, _ = strings.Cut(host, ":")
			if other := hostPorts[host]; other != "" {
				t.Errorf("%s and %s want the same port %s", name, other, host)
			}
			hostPorts[host] = name
		}
		if len(s.Volumes) == 0 {
			t.Errorf("%s: keeps nothing over a restart", name)
		}
		for _, v := range s.Volumes {
			volume, _, _ := strings.Cut(v, ":")
			if _, ok := file.Volumes[volume]; !ok {
				t.Errorf("%s: volume %s is not declared", name, volume)
			}
		}
		if strings.HasPrefix(name, "bot") && (s.Environment["TROLY_DATA_DIR"] != "/data" || s.Environment["QDRANT_URL"] == "" || s.Environment["QDRANT_API_KEY"] == "") {
			t.Errorf("%s: environment %v, want a data directory in its volume and Qdrant", name, s.Environment)
		}
		if n, err := strconv.Atoi(s.Environment["OLLAMA_CONTEXT_LENGTH"]); strings.HasPrefix(s.Image, "ollama/") && (err != nil || n < 8000) {
			t.Errorf("%s: environment %v, want a context that holds a prompt and its answer", name, s.Environment)
		}
		if strings.HasPrefix(name, "qdrant") && (s.Environment["QDRANT__TELEMETRY_DISABLED"] != "true" || s.Environment["QDRANT__SERVICE__API_KEY"] == "") {
			t.Errorf("%s: environment %v, want no telemetry and a key", name, s.Environment)
		}
	}
	slices.Sort(usual)
	if !slices.Equal(usual, []string{"bot", "qdrant"}) {
		t.Errorf("docker compose up starts %v, want bot and qdrant", usual)
	}
	for name, s := range file.Services {
		for _, other := range dependsOn(s.DependsOn) {
			if !slices.Contains(names, other) {
				t.Errorf("%s depends on %s, which is not there", name, other)
			}
		}
	}
	if n := len(slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(file.Services[name].Profiles, "cluster") })); n != 6 {
		t.Errorf("the profile cluster has %d services, want 3 nodes, 2 assistants and their PostgreSQL", n)
	}
}

func dependsOn(v any) []string {
	var names []string
	switch v := v.(type) {
	case []any:
		for _, name := range v {
			names = append(names, fmt.Sprint(name))
		}
	case map[string]any:
		for name := range v {
			names = append(names, name)
		}
	}
	return names
}

// TestComposeVariables: whatever the file takes from .env is in .env.example.
func TestComposeVariables(t *testing.T) {
	compose, err := os.ReadFile(filepath.Join("..", "..", "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile(filepath.Join("..", "..", ".env.example"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`\$\{?([A-Z][A-Z0-9_]*)(:-[^}]*)?\}?`).FindAllStringSubmatch(string(compose), -1)
	if len(found) < 3 {
		t.Fatalf("%d variables found", len(found))
	}
	for _, m := range found {
		if !strings.Contains(string(example), "\n"+m[1]+"=") {
			t.Errorf(".env.example lacks %s", m[1])
		}
		if m[2] == "" {
			t.Errorf("%s has no value of its own: compose warns and takes it for empty", m[1])
		}
	}
}
