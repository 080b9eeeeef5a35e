// SPDX-License-Identifier: Apache-2.0

package transcript

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// Player is the machine that a session is about.
type Player interface {
	// Do carries out a command other than advance and sleep; words are its
	// arguments without their values.
	Do(d *datadriven.TestData, words []string) error
	// Deadline returns when Wake is due; ok is false when nothing is.
	Deadline() (at time.Time, ok bool)
	Wake()
}

// Session is the clock of a session and what it answers. Instants are written
// as what has passed since the start.
type Session struct {
	Now time.Time

	start time.Time
	out   strings.Builder
}

// Play plays each file of testdata/transcripts in a session of its own. Every
// command is answered with what it led to and, but for status, with the next
// deadline. Two commands are the same for all:
//
//	advance 3.6s   let time pass, waking at every deadline
//	sleep 10s      let time pass without waking: a stall
func Play(t *testing.T, begin func(*Session) Player) {
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			s := &Session{}
			s.Restart()
			p := begin(s)
			datadriven.RunTest(t, file, func(t *testing.T, d *datadriven.TestData) string {
				s.out.Reset()
				if err := s.play(p, d); err != nil {
					t.Fatalf("%s: %v", d.Pos, err)
				}
				return s.out.String()
			})
		})
	}
}

// Restart makes now the start: there is another machine.
func (s *Session) Restart() {
	s.start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s.Now = s.start
}

func (s *Session) play(p Player, d *datadriven.TestData) (err error) {
	words := make([]string, len(d.CmdArgs))
	for i, a := range d.CmdArgs {
		words[i] = a.Key
	}
	switch d.Cmd {
	case "advance", "sleep":
		var span time.Duration
		if span, err = time.ParseDuration(words[0]); err == nil {
			s.pass(p, s.Now.Add(span), d.Cmd == "advance")
		}
	default:
		err = p.Do(d, words)
	}
	if at, ok := p.Deadline(); ok && d.Cmd != "status" {
		s.Printf("next at %v\n", s.Since(at))
	}
	return err
}

func (s *Session) pass(p Player, until time.Time, awake bool) {
	for at, ok := p.Deadline(); awake && ok && !at.After(until); at, ok = p.Deadline() {
		s.Now = at
		p.Wake()
	}
	s.Now = until
}

// Report writes something that happens now.
func (s *Session) Report(what any) { s.Printf("%-10s %v\n", s.Since(s.Now), what) }

// Printf writes to the answer.
func (s *Session) Printf(format string, args ...any) { fmt.Fprintf(&s.out, format, args...) }

// Since is what had passed at an instant since the start.
func (s *Session) Since(at time.Time) time.Duration { return at.Sub(s.start) }
