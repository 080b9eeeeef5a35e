// SPDX-License-Identifier: Apache-2.0

package record

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

// format is the version of the file format.
const format = 1

// header is a recording's first line.
type header struct {
	Format int       `json:"vrrpd_recording"`
	Start  time.Time `json:"start"`
	Config config    `json:"config"`
}

// line is one input. Exactly one of the fields behind At is set.
type line struct {
	At       span                      `json:"at"` // since the start
	Event    string                    `json:"event,omitempty"`
	Frame    *frame                    `json:"frame,omitempty"`
	Link     *engine.LinkChanged       `json:"link,omitempty"`
	Track    *engine.TrackChanged      `json:"track,omitempty"`
	Done     *done                     `json:"done,omitempty"`
	Lost     *engine.OwnershipLost     `json:"ownership_lost,omitempty"`
	Failover *engine.FailoverRequested `json:"failover,omitempty"`
	Suspend  *span                     `json:"suspended,omitempty"`
	Reload   *config                   `json:"reload,omitempty"`
	Dropped  int                       `json:"dropped,omitempty"` // lines missing here
}

// The events without further data.
const (
	eventStarted = "started"
	eventWoke    = "woke"
	eventStopped = "stopped"
)

type frame struct {
	Interface   string     `json:"interface"`
	Source      netip.Addr `json:"source"`
	Destination netip.Addr `json:"destination"`
	TTL         int        `json:"ttl"`
	Payload     string     `json:"payload"` // hexadecimal
}

type done struct {
	Router vrrp.ID       `json:"router"`
	ID     vrrp.ActionID `json:"id"`
	Error  string        `json:"error,omitempty"`
}

// span is a duration as text: "1m2.000000003s".
type span time.Duration

// MarshalText implements [encoding.TextMarshaler].
func (s span) MarshalText() ([]byte, error) { return []byte(time.Duration(s).String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *span) UnmarshalText(b []byte) error {
	d, err := time.ParseDuration(string(b))
	*s = span(d)
	return err
}

// config is an [engine.Config] whose secrets have been replaced by public
// ones; how, only the fact that there are some need be written.
type config struct {
	Routers []router
	Groups  []engine.Group
}

type router struct {
	engine.Router
	Password string `json:"Password,omitempty"` // hides the router's own: never written, made anew when read
	HMAC     *hmac  `json:"HMAC,omitempty"`
}

type hmac struct {
	Keys      []uint8
	ActiveKey uint8
	Mode      vrrp.HMACMode
	Monotonic bool
	Window    time.Duration
}

func wrap(c engine.Config) (w config) {
	w.Groups = c.Groups
	for _, r := range c.Routers {
		out := router{Router: r}
		if h := r.HMAC; h != nil {
			out.HMAC = &hmac{ActiveKey: h.ActiveKey, Mode: h.Mode, Monotonic: h.Monotonic, Window: h.Window}
			for _, k := range h.Keys {
				out.HMAC.Keys = append(out.HMAC.Keys, k.ID)
			}
		}
		w.Routers = append(w.Routers, out)
	}
	return w
}

func (w config) unwrap() (c engine.Config, err error) {
	c.Groups = w.Groups
	for _, r := range w.Routers {
		out := r.Router
		out.Config.Password, out.Config.HMAC = vrrp.Password{}, nil
		if out.AuthType == vrrp.AuthPass {
			out.Config.Password = publicPassword
		}
		if h := r.HMAC; h != nil {
			out.Config.HMAC = &vrrp.HMAC{ActiveKey: h.ActiveKey, Mode: h.Mode, Monotonic: h.Monotonic, Window: h.Window}
			for _, id := range h.Keys {
				out.Config.HMAC.Keys = append(out.Config.HMAC.Keys, publicKey(id))
			}
		}
		c.Routers = append(c.Routers, out)
	}
	return c, c.Validate()
}

// encode puts an input into a line; the frame's secrets have been replaced.
func encode(in engine.Input) (l line, err error) {
	switch in := in.(type) {
	case engine.Started:
		l.Event = eventStarted
	case engine.Woke:
		l.Event = eventWoke
	case engine.Stopped:
		l.Event = eventStopped
	case engine.FrameReceived:
		l.Frame = &frame{in.Interface, in.Source, in.Destination, in.TTL, hex.EncodeToString(in.Payload)}
	case engine.LinkChanged:
		l.Link = &in
	case engine.TrackChanged:
		l.Track = &in
	case engine.ActionDone:
		l.Done = &done{Router: in.Router, ID: in.ID}
		if in.Err != nil {
			l.Done.Error = in.Err.Error()
		}
	case engine.OwnershipLost:
		l.Lost = &in
	case engine.FailoverRequested:
		l.Failover = &in
	case engine.Suspended:
		d := span(in.For)
		l.Suspend = &d
	case engine.Reloaded:
		c := wrap(in.Config)
		l.Reload = &c
	default:
		return l, fmt.Errorf("record: unknown input %T", in)
	}
	return l, nil
}

var errEmptyLine = errors.New("no input on this line")

// decode is the reverse of encode; the input is nil for a line that only says
// how many are missing.
func decode(text []byte) (at time.Duration, in engine.Input, dropped int, err error) {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return 0, nil, 0, err
	}
	in, err = l.input()
	return time.Duration(l.At), in, l.Dropped, err
}

func (l *line) input() (engine.Input, error) {
	switch {
	case l.Event == eventStarted:
		return engine.Started{}, nil
	case l.Event == eventWoke:
		return engine.Woke{}, nil
	case l.Event == eventStopped:
		return engine.Stopped{}, nil
	case l.Frame != nil:
		return l.Frame.input()
	case l.Link != nil:
		return *l.Link, nil
	case l.Track != nil:
		return *l.Track, nil
	case l.Done != nil:
		f := vrrp.ActionFinished{ID: l.Done.ID}
		if l.Done.Error != "" {
			f.Err = errors.New(l.Done.Error)
		}
		return engine.ActionDone{Router: l.Done.Router, ActionFinished: f}, nil
	case l.Lost != nil:
		return *l.Lost, nil
	case l.Failover != nil:
		return *l.Failover, nil
	case l.Suspend != nil:
		return engine.Suspended{For: time.Duration(*l.Suspend)}, nil
	case l.Reload != nil:
		c, err := l.Reload.unwrap()
		return engine.Reloaded{Config: c}, err
	case l.Dropped > 0:
		return nil, nil
	}
	return nil, errEmptyLine
}

func (f *frame) input() (engine.Input, error) {
	payload, err := hex.DecodeString(f.Payload)
	if err == nil && (!f.Source.IsValid() || !f.Destination.IsValid()) {
		err = errors.New("a frame without source or destination")
	}
	return engine.FrameReceived{Interface: f.Interface, Datagram: vrrp.Datagram{
		Source: f.Source, Destination: f.Destination, TTL: f.TTL, Payload: payload,
	}}, err
}
