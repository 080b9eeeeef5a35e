// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/internal/control"
	"github.com/govrrp/vrrpd/notify"
	"github.com/govrrp/vrrpd/vrrp"
)

// decisionLog bounds what is remembered for each instance or group.
const decisionLog = 100

// quietFor is how long the same notice about the same sender is not logged again.
const quietFor = time.Minute

// sink turns the engine's reports into log lines, decisions and
// notifications. Report runs on the loop's goroutine and never blocks: the log
// is a [LogQueue], and the dispatcher queues.
type sink struct {
	log        *slog.Logger
	dispatcher *notify.Dispatcher
	claims     *claims
	causes     map[string]vrrp.ReportTransition // the last promotion of each instance

	mu         sync.Mutex
	priorities map[string]bool // instances that tell of priority changes
	decisions  map[string][]control.Decision
	logged     map[noticeKey]time.Time
}

type noticeKey struct {
	name   string
	notice vrrp.Notice
	source string
}

func newSink(log *slog.Logger, d *notify.Dispatcher, c *claims) *sink {
	return &sink{
		log: log, dispatcher: d, claims: c, causes: map[string]vrrp.ReportTransition{},
		decisions: map[string][]control.Decision{},
		logged:    map[noticeKey]time.Time{},
	}
}

// Report implements runner.Sink.
func (s *sink) Report(now time.Time, out engine.Output) {
	if out.Group != nil {
		s.group(now, out)
		return
	}
	switch a := out.Action.(type) {
	case vrrp.ReportTransition:
		s.transition(now, out, a)
	case vrrp.ReportNotice:
		s.notice(now, out, a)
	case vrrp.ReportRefusal:
		s.refusal(now, out, a)
	}
}

func (s *sink) transition(now time.Time, out engine.Output, a vrrp.ReportTransition) {
	s.log.Info(fmt.Sprintf("(%s) Entering %v STATE", out.Name, a.To),
		"from", a.From.String(), "cause", a.Cause.String(), "priority", a.Priority)
	s.remember(out.Name, control.Decision{
		At: now, What: "transition",
		Text: fmt.Sprintf("%v -> %v: %v (priority %d)", a.From, a.To, a.Cause, a.Priority),
	})
	who := notify.Subject{Kind: notify.Instance, Name: out.Name}
	s.claims.transition(who, a.To, a.Cause, a.Priority)
	s.claims.ranks(who, a.Priority, a.Before)
	s.causes[out.Name] = a
	s.dispatcher.Post(notify.Event{
		Kind: notify.Instance, Name: out.Name, State: notify.State(a.To.String()),
		Previous: notify.State(a.From.String()), Priority: int(a.Priority), Reason: a.Cause.String(), At: now,
	})
}

func (s *sink) group(now time.Time, out engine.Output) {
	s.log.Info(fmt.Sprintf("VRRP_Group(%s) Entering %v STATE", out.Name, out.Group.To))
	s.remember(out.Name, control.Decision{At: now, What: "transition", Text: "-> " + out.Group.To.String()})
	who := notify.Subject{Kind: notify.Group, Name: out.Name}
	s.claims.transition(who, out.Group.To, s.groupCause(out.Group.Members), 0)
	for _, m := range out.Group.Members {
		if last := s.causes[m]; last.Before.Address.IsValid() {
			s.claims.ranks(who, last.Priority, last.Before)
		}
	}
	s.dispatcher.Post(notify.Event{Kind: notify.Group, Name: out.Name, State: notify.State(out.Group.To.String()), At: now})
}

// groupCause is why a group moved: silence, if any member moved for that, since
// that is what a guard must doubt.
func (s *sink) groupCause(members []string) vrrp.Cause {
	cause := vrrp.Cause{Code: vrrp.CauseGroup}
	for _, m := range members {
		c := s.causes[m].Cause
		if cause.Detail == "" || claimCause(c) == cloud.CauseMasterDown {
			cause.Detail = string(c.Code)
			if c.Code == vrrp.CauseGroup {
				cause.Detail = c.Detail
			}
		}
	}
	return cause
}

// configure takes over what the configuration says about reports.
func (s *sink) configure(c *config.Config) {
	told := map[string]bool{}
	for _, i := range c.Instances {
		told[i.Name] = i.NotifyPriorityChanges
	}
	group := func(name string) bool {
		return slices.ContainsFunc(c.SyncGroups, func(g *config.SyncGroup) bool { return g.Name == name })
	}
	s.claims.forget(func(who notify.Subject) bool {
		if who.Kind == notify.Group {
			return group(who.Name)
		}
		return c.Instance(who.Name) != nil
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.priorities = told
	for name := range s.decisions {
		if _, instance := told[name]; !instance && !group(name) {
			delete(s.decisions, name)
		}
	}
}

// notices whose repetition tells something each time.
var always = map[vrrp.Notice]bool{
	vrrp.NoticePriority: true, vrrp.NoticeMasterResigned: true, vrrp.NoticeOwnership: true,
	vrrp.NoticeOwnershipLost: true, vrrp.NoticeSendFailed: true, vrrp.NoticeSendRecovered: true,
	engine.NoticeBug: true,
}

func (s *sink) notice(now time.Time, out engine.Output, a vrrp.ReportNotice) {
	source := ""
	if a.Source.IsValid() {
		source = a.Source.String()
	}
	s.remark(now, out.Name, a)
	if a.Notice == vrrp.NoticeLowerPriority {
		s.claims.outranks(out.Router, a.Source, a.Priority)
	}
	key := noticeKey{out.Name, a.Notice, source}
	s.mu.Lock()
	last, known := s.logged[key]
	quiet := known && now.Sub(last) < quietFor && !always[a.Notice]
	if !quiet {
		if len(s.logged) > 4096 {
			clear(s.logged) // spoofed senders must not grow the table
		}
		s.logged[key] = now
	}
	s.mu.Unlock()
	if quiet {
		return
	}
	level := slog.LevelWarn
	switch a.Notice {
	case vrrp.NoticePriority, vrrp.NoticeMasterResigned, vrrp.NoticeInterval, vrrp.NoticePreemptDelay, vrrp.NoticeSendRecovered, vrrp.NoticeChecksum:
		level = slog.LevelInfo
	case engine.NoticeBug:
		level = slog.LevelError
	}
	s.log.Log(context.Background(), level, fmt.Sprintf("(%s) %s", out.Name, a.Notice), "detail", a.Detail, "source", source)
	s.remember(out.Name, control.Decision{At: now, What: "notice", Text: string(a.Notice) + " " + a.Detail, Source: source})
}

// remark posts the passing remarks that pipes and scripts may have asked for.
func (s *sink) remark(now time.Time, name string, a vrrp.ReportNotice) {
	e := notify.Event{Kind: notify.Instance, Name: name, Priority: int(a.Priority), At: now, Reason: a.Detail}
	switch a.Notice {
	case vrrp.NoticeLowerPriority:
		e.State = notify.RxLowerPri
	case vrrp.NoticePriority:
		s.mu.Lock()
		wanted := s.priorities[name]
		s.mu.Unlock()
		if !wanted {
			return
		}
		e.State = notify.BackupPriority
		if a.State == vrrp.Master {
			e.State = notify.MasterPriority
		}
	default:
		return
	}
	s.dispatcher.Post(e)
}

func (s *sink) refusal(now time.Time, out engine.Output, a vrrp.ReportRefusal) {
	s.log.Warn(fmt.Sprintf("(%s) packet refused: %s", out.Name, a.Reason.String()),
		"source", a.Source.String(), "detail", a.Detail, "suppressed", a.Suppressed)
	s.remember(out.Name, control.Decision{
		At: now, What: "refusal", Text: a.Reason.String() + " " + a.Detail, Source: a.Source.String(),
	})
}

func (s *sink) remember(name string, d control.Decision) {
	s.mu.Lock()
	defer s.mu.Unlock()
	log := append(s.decisions[name], d)
	if len(log) > decisionLog {
		log = append(log[:0:0], log[len(log)-decisionLog:]...)
	}
	s.decisions[name] = log
}

// decisionsOf returns a copy of what is remembered.
func (s *sink) decisionsOf(name string) []control.Decision {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]control.Decision{}, s.decisions[name]...)
}
