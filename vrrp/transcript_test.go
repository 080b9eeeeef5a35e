// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/govrrp/vrrpd/internal/testnet/transcript"
	"github.com/govrrp/vrrpd/vrrp"
)

// TestTranscripts plays the sessions in testdata/transcripts/*.txt: verbs in, actions and
// the next deadline out. Times are counted from the start of the session.
//
//	router priority=100 …        make a router: see package transcript
//	start                        also: stop, wake
//	recv from=… priority=…       hear an advert
//	done, fail TEXT              the newest ownership order succeeded, failed
//	send-fail TEXT, send-done    the same for the newest advert
//	faults NAME…                 the whole set of faults; none when empty
//	source ADDR                  the interface's address; none when empty
//	priority N                   tracking changed the effective priority
//	verdict FAULT|BACKUP|MASTER  the sync-group ruled
//	suspend 10s                  the machine stood still, and its clock
//	partner-resigned, aside 10s, lost TEXT, reload …, status
//
// and those of [transcript.Play].
func TestTranscripts(t *testing.T) {
	transcript.Play(t, func(s *transcript.Session) transcript.Player { return &session{Session: s} })
}

type session struct {
	*transcript.Session
	cfg       vrrp.Config
	router    *vrrp.Router
	sent, own vrrp.ActionID
}

// Deadline implements [transcript.Player].
func (s *session) Deadline() (at time.Time, ok bool) { return s.router.Deadline() }

// Wake implements [transcript.Player].
func (s *session) Wake() { s.step(vrrp.TimerExpired{}) }

// Do implements [transcript.Player].
func (s *session) Do(d *datadriven.TestData, words []string) (err error) {
	text := strings.Join(words, " ")
	switch d.Cmd {
	case "router":
		return s.make(d.CmdArgs)
	case "reload":
		if s.cfg, _, err = transcript.Config(s.cfg, d.CmdArgs); err == nil {
			s.step(vrrp.Reconfigured{Config: s.cfg})
		}
	case "suspend":
		var span time.Duration
		span, err = time.ParseDuration(words[0])
		s.step(vrrp.Suspended{For: span})
	case "aside":
		var span time.Duration
		span, err = time.ParseDuration(words[0])
		s.step(vrrp.SteppedAside{Until: s.Now.Add(span)})
	case "recv":
		err = s.receive(d.CmdArgs)
	case "source":
		var a netip.Addr
		if len(words) > 0 {
			a, err = netip.ParseAddr(words[0])
		}
		s.step(vrrp.SourceChanged{Source: a})
	case "priority":
		var n int
		_, err = fmt.Sscan(words[0], &n)
		s.step(vrrp.PriorityChanged{Effective: uint8(n)})
	case "verdict":
		names := []string{"FAULT", "BACKUP", "MASTER"}
		s.step(vrrp.VerdictReached{Verdict: vrrp.Verdict(slices.Index(names, words[0]))})
	case "faults":
		s.step(vrrp.FaultsChanged{Faults: words})
	default:
		return s.plain(d.Cmd, text)
	}
	return err
}

// plain is the verbs that need no more than a text.
func (s *session) plain(verb, text string) error {
	switch verb {
	case "start":
		s.step(vrrp.Started{})
	case "stop":
		s.step(vrrp.Stopped{})
	case "wake":
		s.step(vrrp.TimerExpired{})
	case "done":
		s.step(vrrp.ActionFinished{ID: s.own})
	case "fail":
		s.step(vrrp.ActionFinished{ID: s.own, Err: errors.New(text)})
	case "send-done":
		s.step(vrrp.ActionFinished{ID: s.sent})
	case "send-fail":
		s.step(vrrp.ActionFinished{ID: s.sent, Err: errors.New(text)})
	case "partner-resigned":
		s.step(vrrp.PartnerResigned{})
	case "lost":
		s.step(vrrp.OwnershipLost{Detail: text})
	case "status":
		s.status()
	default:
		return fmt.Errorf("unknown verb %q", verb)
	}
	return nil
}

func (s *session) make(args []datadriven.CmdArg) (err error) {
	s.Restart()
	s.cfg = vrrp.Config{
		ID: vrrp.ID{Interface: "eth0", VRID: 7, Family: vrrp.IPv4}, Version: vrrp.V3,
		Priority: 100, Interval: time.Second, Announce: vrrp.Announcing{Repeat: 5},
	}
	if s.cfg, _, err = transcript.Config(s.cfg, args); err == nil {
		s.router, err = vrrp.New(s.cfg)
	}
	return err
}

func (s *session) receive(args []datadriven.CmdArg) error {
	d, err := transcript.Datagram(s.cfg, args)
	if err != nil {
		return err
	}
	a, err := vrrp.Parse(d)
	var why vrrp.Refusal
	if errors.As(err, &why) {
		s.step(vrrp.PacketRefused{Reason: why, Source: d.Source})
		return nil
	}
	s.step(vrrp.AdvertReceived{Advert: a, Source: d.Source, Destination: d.Destination, TTL: d.TTL})
	return nil
}

func (s *session) step(ev vrrp.Event) {
	for _, a := range s.router.Step(s.Now, ev) {
		switch a := a.(type) {
		case vrrp.SendAdvert:
			s.sent = a.ID
		case vrrp.SetOwnership:
			s.own = a.ID
		}
		s.Report(a)
	}
}

func (s *session) status() {
	st := s.router.Status()
	s.Printf("%v priority %d", st.State, st.Priority)
	if st.Master.Address.IsValid() {
		s.Printf(", master %v priority %d", st.Master.Address, st.Master.Priority)
	}
	if st.Master.Preempting {
		s.Printf(", preempting")
	}
	s.Printf(", interval %v, master down after %v\n", st.Interval, st.MasterDown)
	for _, f := range st.Faults {
		s.Printf("fault: %s\n", f)
	}
	if !st.AsideUntil.IsZero() {
		s.Printf("aside until %v\n", s.Since(st.AsideUntil))
	}
	for _, p := range st.Peers {
		s.Printf("peer %v: %d adverts, priority %d\n", p.Address, p.Adverts, p.Priority)
	}
	for _, why := range vrrp.Refusals() {
		if n := st.Counters.Refused[why]; n > 0 {
			s.Printf("refused %s: %d\n", why.String(), n)
		}
	}
}
