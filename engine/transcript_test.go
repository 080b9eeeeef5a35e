// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/testnet/transcript"
	"github.com/govrrp/vrrpd/vrrp"
)

// TestTranscripts plays the sessions in testdata/transcripts: verbs in,
// outputs and the next deadline out. Times are counted from the start.
//
//	config, reload      one line each: router NAME …; track OWNER KIND:NAME …; group NAME MEMBER…
//	link eth0 up 192.0.2.2/24 …   the whole state of an interface: up, down, absent
//	start, stop, wake
//	suspend 10s                   the machine stood still, and its clock
//	recv NAME from=… priority=…   an advert as router NAME's neighbour sends it
//	track script:check good       the level of a tracked object: good, bad, a number
//	done NAME, fail NAME TEXT     the router's newest ownership order succeeded, failed
//	lost NAME TEXT, failover NAME 10s, status
//
// and those of [transcript.Play].
func TestTranscripts(t *testing.T) {
	transcript.Play(t, func(s *transcript.Session) transcript.Player { return &session{Session: s} })
}

type session struct {
	*transcript.Session
	cfg    engine.Config
	engine *engine.Engine
	own    map[string]vrrp.ActionID
}

// Deadline implements [transcript.Player].
func (s *session) Deadline() (at time.Time, ok bool) { return s.engine.Deadline() }

// Wake implements [transcript.Player].
func (s *session) Wake() { s.step(engine.Woke{}) }

// Do implements [transcript.Player].
func (s *session) Do(d *datadriven.TestData, words []string) (err error) {
	switch d.Cmd {
	case "config", "reload":
		return s.configure(d.Cmd, d.Input)
	case "link":
		return s.link(words)
	case "start":
		s.step(engine.Started{})
	case "stop":
		s.step(engine.Stopped{})
	case "wake":
		s.step(engine.Woke{})
	case "suspend":
		var span time.Duration
		span, err = time.ParseDuration(words[0])
		s.step(engine.Suspended{For: span})
	case "recv":
		return s.receive(words[0], d.CmdArgs[1:])
	case "track":
		s.step(engine.TrackChanged{Track: track(words[0]), Level: level(words[1:])})
	case "done":
		s.step(engine.ActionDone{Router: s.router(words[0]).ID, ActionFinished: vrrp.ActionFinished{ID: s.own[words[0]]}})
	case "fail":
		failed := vrrp.ActionFinished{ID: s.own[words[0]], Err: errors.New(strings.Join(words[1:], " "))}
		s.step(engine.ActionDone{Router: s.router(words[0]).ID, ActionFinished: failed})
	case "lost":
		s.step(engine.OwnershipLost{Router: s.router(words[0]).ID, Detail: strings.Join(words[1:], " ")})
	case "failover":
		var span time.Duration
		span, err = time.ParseDuration(words[1])
		s.step(engine.FailoverRequested{Name: words[0], For: span})
	case "status":
		s.status()
	default:
		err = fmt.Errorf("unknown verb %q", d.Cmd)
	}
	return err
}

func (s *session) configure(verb, text string) error {
	c, err := parseConfig(text)
	if err != nil {
		return err
	}
	if err := c.Validate(); err != nil {
		return err
	}
	s.cfg = c
	if verb == "reload" {
		s.step(engine.Reloaded{Config: c})
		return nil
	}
	s.Restart()
	s.own = map[string]vrrp.ActionID{}
	s.engine, err = engine.New(c)
	return err
}

// parseConfig reads the lines of a config or reload.
func parseConfig(text string) (c engine.Config, err error) {
	for line := range strings.Lines(text) {
		verb, args, err := datadriven.ParseLine(line)
		if err != nil {
			return c, err
		}
		switch verb {
		case "router":
			r := engine.Router{Name: args[0].Key, Config: vrrp.Config{
				ID: vrrp.ID{Interface: "eth0", VRID: 1, Family: vrrp.IPv4}, Version: vrrp.V3,
				Priority: 100, Interval: time.Second,
			}}
			var rest []datadriven.CmdArg
			if r.Config, rest, err = transcript.Config(r.Config, args[1:]); err != nil {
				return c, err
			}
			for _, w := range rest {
				r.IgnoresInterface = r.IgnoresInterface || w.Key == "ignores-interface"
				r.IgnoresSource = r.IgnoresSource || w.Key == "ignores-source"
			}
			c.Routers = append(c.Routers, r)
		case "group":
			g := engine.Group{Name: args[0].Key}
			for _, m := range args[1:] {
				g.Members = append(g.Members, m.Key)
			}
			c.Groups = append(c.Groups, g)
		case "track":
			if err := addTrack(&c, args); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

func addTrack(c *engine.Config, args []datadriven.CmdArg) (err error) {
	t := engine.Tracking{Track: track(args[1].Key)}
	for _, a := range args[2:] {
		switch a.Key {
		case "weight":
			t.Weight, err = strconv.Atoi(a.Vals[0])
		case "reverse":
			t.Reverse = true
		}
	}
	for i := range c.Routers {
		if c.Routers[i].Name == args[0].Key {
			c.Routers[i].Tracks = append(c.Routers[i].Tracks, t)
		}
	}
	for i := range c.Groups {
		if c.Groups[i].Name == args[0].Key {
			c.Groups[i].Tracks = append(c.Groups[i].Tracks, t)
		}
	}
	return err
}

func track(word string) engine.Track {
	kind, name, _ := strings.Cut(word, ":")
	return engine.Track{Kind: engine.TrackKind(kind), Name: name}
}

func level(words []string) engine.Level {
	l := engine.Level{Known: true, Good: words[0] != "bad", Detail: strings.Join(words[1:], " ")}
	l.Value, _ = strconv.Atoi(words[0])
	return l
}

func (s *session) link(words []string) error {
	l := engine.LinkChanged{Interface: words[0], Present: words[1] != "absent", Up: words[1] == "up"}
	for _, w := range words[2:] {
		p, err := netip.ParsePrefix(w)
		if err != nil {
			return err
		}
		l.Addresses = append(l.Addresses, p)
	}
	s.step(l)
	return nil
}

func (s *session) router(name string) engine.Router {
	for _, r := range s.cfg.Routers {
		if r.Name == name {
			return r
		}
	}
	return engine.Router{}
}

func (s *session) receive(name string, args []datadriven.CmdArg) error {
	r := s.router(name)
	d, err := transcript.Datagram(r.Config, args)
	if err != nil {
		return err
	}
	s.step(engine.FrameReceived{Interface: r.ID.Interface, Datagram: d})
	return nil
}

func (s *session) step(in engine.Input) {
	for _, o := range s.engine.Step(s.Now, in) {
		if own, ok := o.Action.(vrrp.SetOwnership); ok {
			s.own[o.Name] = own.ID
		}
		s.Report(o)
	}
}

func (s *session) status() {
	st := s.engine.Status()
	for _, r := range st.Routers {
		s.Printf("%s: %v priority %d", r.Name, r.State, r.Priority)
		if r.Group != "" {
			s.Printf(", in group %s votes %v", r.Group, r.Vote)
		}
		if r.Waiting {
			s.Printf(", waiting")
		}
		s.Printf("\n")
		for _, term := range r.Terms {
			if term.Delta != 0 || term.Pending {
				s.Printf("  %s %s: %+d pending=%v\n", term.Kind, term.Name, term.Delta, term.Pending)
			}
		}
		for _, f := range r.Faults {
			s.Printf("  fault since %v: %s\n", s.Since(f.Since), f.Reason)
		}
	}
	for _, g := range st.Groups {
		s.Printf("group %s: %v since %v\n", g.Name, g.State, s.Since(g.Since))
	}
	for _, r := range st.Refused {
		for _, why := range vrrp.Refusals() {
			if n := r.Counts[why]; n > 0 {
				s.Printf("%s: refused %s: %d\n", r.Interface, why.String(), n)
			}
		}
	}
}
