// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/sim"
	"github.com/govrrp/vrrpd/internal/sim/world"
	"github.com/govrrp/vrrpd/vrrp"
)

// decisions are what an engine answered, in words.
func decisions(outs []engine.Output) (all []string) {
	for _, o := range outs {
		all = append(all, o.String())
	}
	return all
}

// life is what node r1 of a simulated run was told and decided.
type life struct {
	cfg    engine.Config
	now    []time.Time
	in     []engine.Input
	wanted []string
}

// live runs a seed through its faults but for those that end a process.
func live(t *testing.T, seed uint64) (l life) {
	t.Helper()
	o := sim.Options{Seed: seed, Duration: 10 * time.Minute}
	r, err := sim.Run(o)
	if err != nil {
		t.Fatal(err)
	}
	o.Faults = slices.DeleteFunc(r.Faults, func(f world.Fault) bool { return f.Kind == world.Crash || f.Kind == world.Stop })
	o.Observe = func(node string, now time.Time, in engine.Input, outs []engine.Output) {
		if node == "r1" {
			l.now, l.in = append(l.now, now), append(l.in, in)
			l.wanted = append(l.wanted, decisions(outs)...)
		}
	}
	if _, err = sim.Run(o); err != nil {
		t.Fatal(err)
	}
	s, err := sim.Universe(seed)
	if err != nil {
		t.Fatal(err)
	}
	l.cfg = s.Nodes[0].Config
	return l
}

// TestReplayDecidesTheSame: every decision of a simulated node comes again
// from its recording, secrets or not.
func TestReplayDecidesTheSame(t *testing.T) {
	for seed := range uint64(40) {
		l := live(t, seed)
		var file bytes.Buffer
		w := NewWriter(&file, l.cfg)
		for i := range l.in {
			w.Record(l.now[i], l.in[i])
			for len(w.lines) > queued/2 {
				time.Sleep(time.Millisecond) // as fast as the writer, not faster
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"simulate", "73696d756c617465"} {
			if strings.Contains(file.String(), secret) {
				t.Fatalf("seed %d: the recording holds the secret", seed)
			}
		}
		if got := replayed(t, &file, len(l.in)); !slices.Equal(got, l.wanted) {
			t.Errorf("seed %d: %d decisions, want %d; first difference %s", seed, len(got), len(l.wanted), difference(got, l.wanted))
		}
	}
}

func replayed(t *testing.T, r io.Reader, inputs int) (all []string) {
	t.Helper()
	rd, err := NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(rd.Config())
	if err != nil {
		t.Fatal(err)
	}
	for {
		now, in, err := rd.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, decisions(e.Step(now, in))...)
		inputs--
	}
	if inputs != 0 || rd.Dropped() != 0 {
		t.Errorf("%d inputs are missing, %d known to be", inputs, rd.Dropped())
	}
	return all
}

func difference(got, want []string) string {
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			return strings.Join(append(slices.Clone(got[i:min(i+1, len(got))]), want[i]), " | want ")
		}
	}
	return "behind the end"
}

// TestRingStaysBounded: a recording that has turned over fits its limit, and
// each of its files replays alone.
func TestRingStaysBounded(t *testing.T) {
	const limit = 200_000
	l := live(t, 23)
	path := filepath.Join(t.TempDir(), "record.jsonl")
	w, err := Create(path, l.cfg, limit)
	if err != nil {
		t.Fatal(err)
	}
	for i := range l.in {
		w.Record(l.now[i], l.in[i])
		for len(w.lines) > queued/2 {
			time.Sleep(time.Millisecond)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + ".1"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > limit/2+10_000 || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has %d bytes, mode %v", name, info.Size(), info.Mode())
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := Replay(bytes.NewReader(text), &out); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.Contains(out.String(), "-> BACKUP (started)") {
			t.Errorf("%s does not start alone:\n%.2000s", name, out.String())
		}
	}
}

// TestMaskKeepsRightAndWrong: a masked packet is accepted or refused for the
// reason for which the original was.
func TestMaskKeepsRightAndWrong(t *testing.T) {
	for seed := range uint64(30) {
		l := live(t, seed)
		s := secrets(l.cfg.Routers)
		for _, in := range l.in {
			f, ok := in.(engine.FrameReceived)
			if !ok {
				continue
			}
			_, was := vrrp.Parse(f.Datagram)
			masked := s.mask(f)
			_, is := vrrp.Parse(masked.Datagram)
			short := was == vrrp.RefusedLength || was == vrrp.RefusedTooShort || len(masked.Payload) != len(f.Payload)
			if !errors.Is(is, was) && !short {
				t.Fatalf("seed %d: %x was %v, masked %x is %v", seed, f.Payload, was, masked.Payload, is)
			}
		}
	}
}

func TestReplayTellsADecision(t *testing.T) {
	l := live(t, 3)
	var file bytes.Buffer
	w := NewWriter(&file, l.cfg)
	for i := range min(200, len(l.in)) {
		w.Record(l.now[i], l.in[i])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := Replay(bytes.NewReader(append(file.Bytes(), `{"at":"1s","ev`...)), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"recorded from 20", "started\n", "vr1: INIT -> BACKUP (started)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the replay lacks %q:\n%.2000s", want, out.String())
		}
	}
}

func TestBadRecordings(t *testing.T) {
	head := `{"vrrpd_recording":1,"start":"2026-01-01T00:00:00Z","config":{"Routers":null,"Groups":null}}` + "\n"
	for name, text := range map[string]string{
		"empty":          "",
		"not JSON":       "hello\n",
		"another format": `{"vrrpd_recording":9}` + "\n",
		"faulty config":  `{"vrrpd_recording":1,"config":{"Routers":[{"Name":"x"}]}}` + "\n",
		"no input":       head + `{"at":"1s"}` + "\n" + `{"at":"1s","event":"woke"}` + "\n",
		"bad time":       head + `{"at":"soon","event":"woke"}` + "\n" + `{"at":"1s","event":"woke"}` + "\n",
		"bad frame":      head + `{"at":"1s","frame":{"payload":"00"}}` + "\n" + `{"at":"1s","event":"woke"}` + "\n",
	} {
		if err := Replay(strings.NewReader(text), io.Discard); err == nil || !strings.HasPrefix(err.Error(), "record: line ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
