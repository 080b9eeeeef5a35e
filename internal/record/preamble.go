// SPDX-License-Identifier: Apache-2.0

package record

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/govrrp/vrrpd/engine"
)

// preamble is what a recording that begins in the middle must begin with, to
// be replayed alone.
type preamble struct {
	head    header
	levels  []engine.Input // one for each link and tracked object
	started bool
	at      time.Duration
}

// note takes an input that has been written.
func (p *preamble) note(at time.Duration, in engine.Input) {
	p.at = at
	switch i := in.(type) {
	case engine.LinkChanged, engine.TrackChanged:
		k := slices.IndexFunc(p.levels, func(old engine.Input) bool { return levelKey(old) == levelKey(in) })
		if k < 0 {
			p.levels = append(p.levels, in)
			return
		}
		p.levels[k] = in
	case engine.Reloaded:
		p.head.Config = wrap(i.Config)
	case engine.Started:
		p.started = true
	case engine.Stopped:
		p.started = false
	}
}

// levelKey tells levels of one thing from those of another.
func levelKey(in engine.Input) any {
	switch in := in.(type) {
	case engine.LinkChanged:
		return in.Interface
	case engine.TrackChanged:
		return in.Track
	}
	return nil
}

// lines are the preamble as text.
func (p *preamble) lines() (all [][]byte, err error) {
	text, err := json.Marshal(p.head)
	if err != nil {
		return nil, err
	}
	all = append(all, append(text, '\n'))
	inputs := slices.Clone(p.levels)
	if p.started {
		inputs = append(inputs, engine.Started{})
	}
	for _, in := range inputs {
		text, err := marshal(p.at, in, 0)
		if err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, nil
}

// marshal is an input as a line of text.
func marshal(at time.Duration, in engine.Input, dropped int) ([]byte, error) {
	l, err := encode(in)
	if err != nil {
		return nil, err
	}
	l.At, l.Dropped = span(at), dropped
	text, err := json.Marshal(l)
	return append(text, '\n'), err
}
