// SPDX-License-Identifier: Apache-2.0

package world

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is something that goes wrong, or that somebody does. It is data: it
// prints as one line, and [ParseFaults] reads that line again.
type Fault struct {
	At   time.Duration
	For  time.Duration // how long it lasts; of a Failover, its length; zero = at once over
	Kind FaultKind
	Node string // whose; of a Partition, the nodes on one side: "r1,r2"
	To   string // of a OneWay: frames from Node to this node are lost
	// On is the interface of Node, or of a Partition, OneWay or Impair the
	// segment; of a TrackBad or ScriptHangs, the tracked object; of a Reload, what is
	// edited; of a Failover or VIPRemoved, the router.
	On     string
	By     time.Duration // of a ClockJump
	Count  int           // of Hostile, packets; of a LinkFlap, times
	Impair Impairment
}

// FaultKind is the sort of a fault.
type FaultKind string

// The faults under which the protocol's promises hold, though the world is
// another one than before.
const (
	LinkDown    FaultKind = "link-down"
	LinkFlap    FaultKind = "link-flap"    // down and up again, Count times
	LinkGone    FaultKind = "link-gone"    // the interface does not exist
	AddressLost FaultKind = "address-lost" // the interface's own addresses
	Crash       FaultKind = "crash"        // and restart, addresses left over
	Stop        FaultKind = "stop"         // and start
	Suspend     FaultKind = "suspend"      // the machine sleeps and its clock with it, and it knows
	Pause       FaultKind = "pause"        // the same, and nothing tells it
	TrackBad    FaultKind = "track-bad"    // a tracked object fails
	ScriptHangs FaultKind = "script-hangs" // nothing is heard of a tracked object
	Partition   FaultKind = "partition"    // both ways
	Reload      FaultKind = "reload"       // with an edit
	VIPRemoved  FaultKind = "vip-removed"  // by something else
	Failover    FaultKind = "failover"     // asked for by an operator
	ClockJump   FaultKind = "clock-jump"   // forward, as after a suspended machine
	CloudDown   FaultKind = "cloud-down"   // nothing can be asked of the cloud
)

// The faults under which the protocol promises nothing until they are over.
const (
	OneWay    FaultKind = "one-way"
	Impair    FaultKind = "impair" // loss, delay, duplicates, disorder
	Stall     FaultKind = "stall"  // the process does not run
	HostFails FaultKind = "host-fails"
	HostHangs FaultKind = "host-hangs"
	SendFails FaultKind = "send-fails" // no frame leaves
)

// Hostile packets must be refused: promises hold while they come.
const Hostile FaultKind = "hostile"

// Kinds returns every kind.
func Kinds() []FaultKind {
	return []FaultKind{
		LinkDown, LinkFlap, LinkGone, AddressLost, Crash, Stop, Suspend, Pause, TrackBad, ScriptHangs, Partition,
		Reload, VIPRemoved, Failover, ClockJump, CloudDown, OneWay, Impair, Stall, HostFails, HostHangs, SendFails, Hostile,
	}
}

// turbulent reports whether nothing is promised while the fault is in force.
func (k FaultKind) turbulent() bool {
	return slices.Contains([]FaultKind{OneWay, Impair, Stall, HostFails, HostHangs, SendFails}, k)
}

func (f Fault) String() string { return fmt.Sprintf("%v %v %s", f.At, f.For, f.what()) }

// what is the fault without its times.
func (f *Fault) what() string {
	var b strings.Builder
	b.WriteString(string(f.Kind))
	add := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, " %s=%s", key, value)
		}
	}
	add("node", f.Node)
	add("to", f.To)
	if strings.Contains(f.On, " ") {
		add("on", strconv.Quote(f.On))
	} else {
		add("on", f.On)
	}
	if f.By != 0 {
		add("by", f.By.String())
	}
	if f.Count != 0 {
		add("count", strconv.Itoa(f.Count))
	}
	if i := f.Impair; i != (Impairment{}) {
		fmt.Fprintf(&b, " latency=%v jitter=%v loss=%v duplicate=%v reorder=%v", i.Latency, i.Jitter, i.Loss, i.Duplicate, i.Reorder)
	}
	return b.String()
}

// ParseFaults reads a list of faults, one a line, as [Fault.String] writes
// them. Empty lines and lines that begin with # are skipped.
func ParseFaults(r io.Reader) (all []Fault, err error) {
	s := bufio.NewScanner(r)
	for n := 1; s.Scan(); n++ {
		line := strings.TrimSpace(s.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		f, err := parseFault(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		all = append(all, f)
	}
	return all, s.Err()
}

func parseFault(line string) (f Fault, err error) {
	words := faultWord.FindAllString(line, -1)
	if len(words) < 3 {
		return f, fmt.Errorf("%q is not a fault: want a time, a length and a kind", line)
	}
	if f.At, err = time.ParseDuration(words[0]); err != nil {
		return f, err
	}
	if f.For, err = time.ParseDuration(words[1]); err != nil {
		return f, err
	}
	f.Kind = FaultKind(words[2])
	if !slices.Contains(Kinds(), f.Kind) {
		return f, fmt.Errorf("%q is not a kind of fault: want one of %v", words[2], Kinds())
	}
	for _, word := range words[3:] {
		key, value, _ := strings.Cut(word, "=")
		if text, err := strconv.Unquote(value); err == nil {
			value = text
		}
		if err = f.set(key, value); err != nil {
			return f, fmt.Errorf("%s: %w", word, err)
		}
	}
	return f, nil
}

// faultWord is a word, or key="some words".
var faultWord = regexp.MustCompile(`[^\s"]*"(?:[^"\\]|\\.)*"|\S+`)

func (f *Fault) set(key, value string) (err error) {
	switch key {
	case "node":
		f.Node = value
	case "to":
		f.To = value
	case "on":
		f.On = value
	case "by":
		f.By, err = time.ParseDuration(value)
	case "count":
		f.Count, err = strconv.Atoi(value)
	case "latency":
		f.Impair.Latency, err = time.ParseDuration(value)
	case "jitter":
		f.Impair.Jitter, err = time.ParseDuration(value)
	case "loss":
		f.Impair.Loss, err = strconv.ParseFloat(value, 64)
	case "duplicate":
		f.Impair.Duplicate, err = strconv.ParseFloat(value, 64)
	case "reorder":
		f.Impair.Reorder, err = strconv.ParseFloat(value, 64)
	default:
		err = fmt.Errorf("unknown key %q", key)
	}
	return err
}

// validate refuses what names nothing of the world.
func (f *Fault) validate(s *Setup) error {
	if f.At < 0 || f.For < 0 {
		return fmt.Errorf("fault %v: times cannot be negative", f)
	}
	if f.Kind == CloudDown {
		return nil
	}
	names := strings.Split(f.Node, ",")
	if f.Kind == OneWay {
		names = append(names, f.To)
	}
	if f.Kind == Impair {
		names = nil
	}
	for _, name := range names {
		if !slices.ContainsFunc(s.Nodes, func(n Node) bool { return n.Name == name }) {
			return fmt.Errorf("fault %v: there is no node %q", f, name)
		}
	}
	known, what := f.known(s)
	if known != nil && !slices.Contains(known, f.On) {
		return fmt.Errorf("fault %v: there is no %s %q; there is %q", f, what, f.On, known)
	}
	return nil
}

// known is what On may name; nil = anything.
func (f *Fault) known(s *Setup) (names []string, what string) {
	for _, n := range s.Nodes {
		for _, i := range n.Interfaces {
			switch f.Kind {
			case LinkDown, LinkFlap, LinkGone, AddressLost:
				if what = "interface"; n.Name == f.Node {
					names = append(names, i.Name)
				}
			case Partition, OneWay, Impair:
				names, what = append(names, i.Segment), "segment"
			}
		}
		if (f.Kind == Failover || f.Kind == VIPRemoved) && n.Name == f.Node {
			for _, r := range n.Config.Routers {
				names, what = append(names, r.Name), "router"
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), what
}
