package evaluation

import (
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// The JUnit dialect that CI servers agree on: a suite a set, a case a sample.
type junitSuites struct {
	XMLName  xml.Name `xml:"testsuites"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Skipped  int      `xml:"skipped,attr"`
	Suites   []*junitSuite
}

type junitSuite struct {
	XMLName    xml.Name        `xml:"testsuite"`
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Properties []junitProperty `xml:"properties>property,omitempty"`
	Cases      []junitCase
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	XMLName   xml.Name      `xml:"testcase"`
	ClassName string        `xml:"classname,attr"`
	Name      string        `xml:"name,attr"`
	Time      string        `xml:"time,attr,omitempty"` // seconds
	Failure   *junitMessage `xml:"failure,omitempty"`
	Error     *junitMessage `xml:"error,omitempty"`
	Skipped   *junitMessage `xml:"skipped,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// add counts a case.
func (s *junitSuite) add(c junitCase) {
	s.Tests++
	switch {
	case c.Error != nil:
		s.Errors++
	case c.Failure != nil:
		s.Failures++
	case c.Skipped != nil:
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

// writeJUnit writes the samples as test cases: a failure is an outcome that is not
// right, an error one that could not be had, skipped what was not scored. The gates
// are a suite of their own.
func (r *Report) writeJUnit(w io.Writer) error {
	suites := make(map[string]*junitSuite)
	suite := func(name string) *junitSuite {
		if suites[name] == nil {
			suites[name] = &junitSuite{Name: name}
		}
		return suites[name]
	}
	for s, err := range r.Samples {
		if err != nil {
			return err
		}
		suite(s.Set).add(junitOf(s))
	}
	for _, id := range r.Manifest.Skipped {
		suite("skipped").add(junitCase{ClassName: "skipped", Name: id, Skipped: &junitMessage{Message: "the case does not hold on its day"}})
	}
	for _, v := range r.Verdicts {
		suite("gates").add(junitOfGate(v))
	}
	all := junitSuites{Name: "troly eval " + r.Summary.Run}
	for _, name := range slices.Sorted(maps.Keys(suites)) {
		s := suites[name]
		s.Properties = r.junitProperties()
		all.Suites = append(all.Suites, s)
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
		all.Skipped += s.Skipped
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", " ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (r *Report) junitProperties() []junitProperty {
	list := []junitProperty{{"run", r.Summary.Run}, {"data", r.Manifest.Data}}
	for _, name := range slices.Sorted(maps.Keys(r.Manifest.Versions)) {
		list = append(list, junitProperty{"version." + name, r.Manifest.Versions[name]})
	}
	return list
}

func junitOf(s *Sample) junitCase {
	c := junitCase{ClassName: s.Set + "." + s.Intent, Name: s.Case, Time: fmt.Sprintf("%.6f", s.Timings.Total/1000)}
	if s.Repeat > 0 {
		c.Name += fmt.Sprintf("#%d", s.Repeat)
	}
	pass, scored := s.Metrics[Pass]
	switch {
	case s.Error != "":
		c.Error = &junitMessage{Message: printable(s.Error)}
	case !scored:
		c.Skipped = &junitMessage{Message: "not scored"}
	case pass < 1:
		c.Failure = &junitMessage{Message: string(s.Missed), Text: printable(failureText(s))}
	}
	return c
}

// failureText says what was asked, what came, and what is missing.
func failureText(s *Sample) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Question: %s\nStatus: %s\n", s.Question, s.Status)
	for _, f := range s.Facts {
		if f.Support != Full {
			fmt.Fprintf(&b, "Fact %s (%s): %s, %s\n", f.ID, f.Importance, f.Support, f.Missed)
		}
	}
	for _, h := range s.Forbidden {
		fmt.Fprintf(&b, "Forbidden %s (%s, %s)\n", h.ID, h.Kind, h.Severity)
	}
	fmt.Fprintf(&b, "Answer: %s\n", s.Answer)
	return b.String()
}

// printable leaves out what XML cannot hold.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0xFFFE || r == 0xFFFF {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

func junitOfGate(v Verdict) junitCase {
	c := junitCase{ClassName: "gates." + string(v.Kind), Name: v.ID}
	switch v.Result {
	case Passed:
	case Inconclusive:
		c.Skipped = &junitMessage{Message: "inconclusive", Text: v.String()}
	default:
		c.Failure = &junitMessage{Message: "gate failed", Text: v.String()}
	}
	return c
}
