// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
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
//	advance 3.6s                 let time pass, waking at every deadline
//	sleep 10s                    let time pass without waking: a stall
//	recv from=… priority=…       hear an advert
//	done, fail TEXT              the newest ownership order succeeded, failed
//	send-fail TEXT, send-done    the same for the newest advert
//	faults NAME…                 the whole set of faults; none when empty
//	source ADDR                  the interface's address; none when empty
//	priority N                   tracking changed the effective priority
//	verdict FAULT|BACKUP|MASTER  the sync-group ruled
//	partner-resigned, aside 10s, lost TEXT, reload …, status
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			var s session
			datadriven.RunTest(t, file, func(t *testing.T, d *datadriven.TestData) string { return s.run(t, d) })
		})
	}
}

type session struct {
	start, now time.Time
	cfg        vrrp.Config
	router     *vrrp.Router
	sent, own  vrrp.ActionID
	out        strings.Builder
}

func (s *session) run(t *testing.T, d *datadriven.TestData) string {
	t.Helper()
	s.out.Reset()
	if err := s.do(d); err != nil {
		t.Fatalf("%s: %v", d.Pos, err)
	}
	if d.Cmd == "status" {
		return s.status()
	}
	if at, ok := s.router.Deadline(); ok {
		fmt.Fprintf(&s.out, "next at %v\n", at.Sub(s.start))
	}
	return s.out.String()
}

func (s *session) do(d *datadriven.TestData) (err error) {
	words := make([]string, len(d.CmdArgs))
	for i, a := range d.CmdArgs {
		words[i] = a.Key
	}
	text := strings.Join(words, " ")
	switch d.Cmd {
	case "router":
		return s.make(d.CmdArgs)
	case "reload":
		if s.cfg, _, err = transcript.Config(s.cfg, d.CmdArgs); err == nil {
			s.step(vrrp.Reconfigured{Config: s.cfg})
		}
	case "advance", "sleep", "suspend", "aside":
		var span time.Duration
		if span, err = time.ParseDuration(words[0]); err == nil {
			s.pass(d.Cmd, span)
		}
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
	default:
		return fmt.Errorf("unknown verb %q", verb)
	}
	return nil
}

func (s *session) make(args []datadriven.CmdArg) (err error) {
	s.start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s.now = s.start
	s.cfg = vrrp.Config{
		ID: vrrp.ID{Interface: "eth0", VRID: 7, Family: vrrp.IPv4}, Version: vrrp.V3,
		Priority: 100, Interval: time.Second, Announce: vrrp.Announcing{Repeat: 5},
	}
	if s.cfg, _, err = transcript.Config(s.cfg, args); err == nil {
		s.router, err = vrrp.New(s.cfg)
	}
	return err
}

func (s *session) pass(verb string, span time.Duration) {
	until := s.now.Add(span)
	switch verb {
	case "aside":
		s.step(vrrp.SteppedAside{Until: until})
		return
	case "suspend":
		s.step(vrrp.Suspended{For: span})
		return
	case "advance":
		for at, ok := s.router.Deadline(); ok && !at.After(until); at, ok = s.router.Deadline() {
			s.now = at
			s.step(vrrp.TimerExpired{})
		}
	}
	s.now = until
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
	for _, a := range s.router.Step(s.now, ev) {
		switch a := a.(type) {
		case vrrp.SendAdvert:
			s.sent = a.ID
		case vrrp.SetOwnership:
			s.own = a.ID
		}
		fmt.Fprintf(&s.out, "%s %v\n", transcript.Time(s.start, s.now), a)
	}
}

func (s *session) status() string {
	st := s.router.Status()
	fmt.Fprintf(&s.out, "%v priority %d", st.State, st.Priority)
	if st.Master.Address.IsValid() {
		fmt.Fprintf(&s.out, ", master %v priority %d", st.Master.Address, st.Master.Priority)
	}
	if st.Master.Preempting {
		s.out.WriteString(", preempting")
	}
	fmt.Fprintf(&s.out, ", interval %v, master down after %v\n", st.Interval, st.MasterDown)
	for _, f := range st.Faults {
		fmt.Fprintf(&s.out, "fault: %s\n", f)
	}
	if !st.AsideUntil.IsZero() {
		fmt.Fprintf(&s.out, "aside until %v\n", st.AsideUntil.Sub(s.start))
	}
	for _, p := range st.Peers {
		fmt.Fprintf(&s.out, "peer %v: %d adverts, priority %d\n", p.Address, p.Adverts, p.Priority)
	}
	for _, why := range vrrp.Refusals() {
		if n := st.Counters.Refused[why]; n > 0 {
			fmt.Fprintf(&s.out, "refused %s: %d\n", why.String(), n)
		}
	}
	return s.out.String()
}
