// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

// Reader reads a recording.
type Reader struct {
	lines   *bufio.Scanner
	number  int
	start   time.Time
	config  engine.Config
	dropped int
}

// maxLine bounds a line: a configuration of many routers is long.
const maxLine = 16 << 20

// NewReader reads the beginning of a recording.
func NewReader(r io.Reader) (*Reader, error) {
	rd := &Reader{lines: bufio.NewScanner(r), number: 1}
	rd.lines.Buffer(nil, maxLine)
	if !rd.lines.Scan() {
		return nil, rd.fail(errors.Join(rd.lines.Err(), io.ErrUnexpectedEOF))
	}
	var h header
	if err := json.Unmarshal(rd.lines.Bytes(), &h); err != nil {
		return nil, rd.fail(err)
	}
	if h.Format != format {
		return nil, rd.fail(fmt.Errorf("not a recording of format %d", format))
	}
	var err error
	if rd.config, err = h.Config.unwrap(); err != nil {
		return nil, rd.fail(err)
	}
	rd.start = h.Start
	return rd, nil
}

func (r *Reader) fail(err error) error { return fmt.Errorf("record: line %d: %w", r.number, err) }

// Config returns the configuration the recording began with, its secrets
// replaced by public ones.
func (r *Reader) Config() engine.Config { return r.config }

// Start returns the wall clock when the recording began.
func (r *Reader) Start() time.Time { return r.start }

// Dropped returns how many inputs the recording is known to lack so far.
func (r *Reader) Dropped() int { return r.dropped }

// Next returns the next input and when the engine was told it; the error is
// [io.EOF] after the last. A last line that was cut off is not an error.
func (r *Reader) Next() (now time.Time, in engine.Input, err error) {
	for r.lines.Scan() {
		r.number++
		at, in, dropped, err := decode(r.lines.Bytes())
		if err != nil {
			if !r.lines.Scan() {
				break
			}
			return time.Time{}, nil, r.fail(err)
		}
		r.dropped += dropped
		if in != nil {
			return r.start.Add(at), in, nil
		}
	}
	if err := r.lines.Err(); err != nil {
		return time.Time{}, nil, r.fail(err)
	}
	return time.Time{}, nil, io.EOF
}

// Replay runs a recording through an engine and writes each decision: what
// the engine was told, and what it ordered and reported. What it was told in
// vain, or only made it advertise again, is left out.
func Replay(r io.Reader, w io.Writer) error {
	rd, err := NewReader(r)
	if err != nil {
		return err
	}
	e, err := engine.New(rd.Config())
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	if _, err := fmt.Fprintf(w, "recorded from %s\n", rd.Start().Format(time.RFC3339Nano)); err != nil {
		return err
	}
	for {
		now, in, err := rd.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if r, reload := in.(engine.Reloaded); reload && r.Config.Validate() != nil {
			return rd.fail(errors.New("a reload of a configuration that is not valid"))
		}
		if err := show(w, now.Sub(rd.Start()), in, e.Step(now, in)); err != nil {
			return err
		}
	}
	if n := rd.Dropped(); n > 0 {
		_, err = fmt.Fprintf(w, "%d inputs are missing: the disk was too slow for them\n", n)
	}
	return err
}

func show(w io.Writer, at time.Duration, in engine.Input, outs []engine.Output) error {
	told := false
	for _, o := range outs {
		if _, advert := o.Action.(vrrp.SendAdvert); advert && len(outs) == 1 {
			continue
		}
		if !told {
			if _, err := fmt.Fprintf(w, "%14.6fs  %s\n", at.Seconds(), describe(in)); err != nil {
				return err
			}
			told = true
		}
		if _, err := fmt.Fprintf(w, "%17s%v\n", "", o); err != nil {
			return err
		}
	}
	return nil
}

// describe puts an input into words.
func describe(in engine.Input) string {
	switch in := in.(type) {
	case engine.Started:
		return "started"
	case engine.Stopped:
		return "stopped"
	case engine.Woke:
		return "a timer ran out"
	case engine.FrameReceived:
		return describeFrame(in)
	case engine.LinkChanged:
		return describeLink(in)
	case engine.TrackChanged:
		return fmt.Sprintf("%s %s: good %v, value %d %s", in.Track.Kind, in.Track.Name, in.Level.Good, in.Level.Value, in.Level.Detail)
	case engine.ActionDone:
		if in.Err != nil {
			return fmt.Sprintf("%v: action #%d failed: %v", in.Router, in.ID, in.Err)
		}
		return fmt.Sprintf("%v: action #%d done", in.Router, in.ID)
	case engine.OwnershipLost:
		return fmt.Sprintf("%v: addresses lost: %s", in.Router, in.Detail)
	case engine.FailoverRequested:
		return fmt.Sprintf("failover of %s for %v requested", in.Name, in.For)
	case engine.Suspended:
		return fmt.Sprintf("the machine was suspended for %v", in.For)
	case engine.Reloaded:
		return "reloaded"
	}
	return fmt.Sprintf("%T", in)
}

func describeLink(l engine.LinkChanged) string {
	state := "does not exist"
	switch {
	case l.Up:
		state = "up"
	case l.Present:
		state = "down"
	}
	return fmt.Sprintf("link %s: %s, addresses %v", l.Interface, state, l.Addresses)
}

func describeFrame(f engine.FrameReceived) string {
	from := fmt.Sprintf("%v > %v on %s, TTL %d", f.Source, f.Destination, f.Interface, f.TTL)
	a, err := vrrp.Parse(f.Datagram)
	if err != nil {
		return fmt.Sprintf("frame %s: %v", from, err)
	}
	return fmt.Sprintf("frame %s: VRRPv%d, vrid %d, priority %d, every %v", from, a.Version, a.VRID, a.Priority, a.Interval)
}
