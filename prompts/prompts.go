// Package prompts holds what models are asked, as templates that language people
// edit, and renders each from a typed input. What comes from people, passages or
// other models is data: it goes through fence, which keeps it from being read as
// instructions or from closing its own fence.
package prompts

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"strings"
	"text/template"
)

//go:embed *.tmpl
var files embed.FS

// Set is all prompts, ready to render. It does not change; any number of goroutines
// may use it.
type Set struct {
	templates *template.Template
	version   string
}

// Load reads the prompts inside the program.
func Load() (*Set, error) {
	t, err := template.New("").Option("missingkey=error").Funcs(template.FuncMap{"fence": fence, "number": func(i int) int { return i + 1 }, "line": line}).ParseFS(files, "*.tmpl")
	if err != nil {
		return nil, fmt.Errorf("read prompts: %w", err)
	}
	version, err := hash()
	return &Set{t, version}, err
}

// hash names the text of all prompts.
func hash() (string, error) {
	names, err := fs.Glob(files, "*.tmpl")
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, name := range names {
		data, err := files.ReadFile(name)
		if err != nil {
			return "", fmt.Errorf("read prompts: %w", err)
		}
		fmt.Fprintf(h, "%s %d\n%s", name, len(data), data)
	}
	return hex.EncodeToString(h.Sum(nil))[:12], nil
}

// Version changes when the wording of any prompt does.
func (s *Set) Version() string { return s.version }

// Prompt is one rendered prompt: the rules, and what they are applied to.
type Prompt struct{ System, User string }

// JudgeSupport asks whether passages support a claim.
type JudgeSupport struct {
	Claim    string
	Passages []string
}

// JudgeFact asks whether an answer says a fact.
type JudgeFact struct {
	Fact   string
	Answer string
}

// JudgeClaims asks for the checkable claims of an answer.
type JudgeClaims struct {
	Question string
	Answer   string
}

// JudgeSupport renders the prompt.
func (s *Set) JudgeSupport(in JudgeSupport) (Prompt, error) { return s.render("judge_support", in) }

// JudgeFact renders the prompt.
func (s *Set) JudgeFact(in JudgeFact) (Prompt, error) { return s.render("judge_fact", in) }

// JudgeClaims renders the prompt.
func (s *Set) JudgeClaims(in JudgeClaims) (Prompt, error) { return s.render("judge_claims", in) }

// render fills the templates NAME.system and NAME.user.
func (s *Set) render(name string, in any) (Prompt, error) {
	var parts [2]string
	for i, part := range []string{".system", ".user"} {
		var b strings.Builder
		if err := s.templates.ExecuteTemplate(&b, name+part, in); err != nil {
			return Prompt{}, fmt.Errorf("render prompt %s: %w", name, err)
		}
		parts[i] = strings.TrimSpace(b.String())
	}
	return Prompt{parts[0], parts[1]}, nil
}

// guillemets stand in for angle brackets. Making a replacer is a hundred times the
// work of using it, and a prompt has some dozens of fences.
var guillemets = strings.NewReplacer("<", "‹", ">", "›")

// line is data on one line of its own, without angle brackets.
func line(data string) string {
	return strings.Join(strings.Fields(guillemets.Replace(data)), " ")
}

// fence puts data between marks that it cannot close: its own angle brackets become
// the guillemets that look alike.
func fence(name, data string) string {
	data = guillemets.Replace(data)
	return "<" + name + ">\n" + strings.TrimSpace(data) + "\n</" + name + ">"
}
