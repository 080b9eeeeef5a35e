// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"strings"
	"time"
	"unicode"

	"github.com/govrrp/vrrpd/notify/script"
)

// Arguments says what a program gets after its configured arguments.
type Arguments int

const (
	// Configured adds nothing.
	Configured Arguments = iota
	// KindNameStatePriority adds INSTANCE NAME STATE PRIORITY, or GROUP NAME STATE 0.
	KindNameStatePriority
)

// Exec is a target that runs a program for each event and waits for its end.
type Exec struct {
	// Keyword names the target in logs and status, for example "notify_master".
	Keyword   string
	Command   script.Command
	Arguments Arguments
}

// Name returns the keyword.
func (x Exec) Name() string { return x.Keyword }

// Notify runs the program. Its deadline is that of the command.
func (x Exec) Notify(ctx context.Context, e Event) Outcome {
	var args []string
	if x.Arguments == KindNameStatePriority {
		args = []string{string(e.Kind), e.Name, e.State.Word(), e.priority()}
	}
	c := x.Command
	c.Env = append(append([]string{}, c.Env...), Environment(e)...)
	r := c.Run(ctx, args...)
	return Outcome{Err: r.Err, Exit: r.Exit, Output: r.Output}
}

// Environment returns the VRRPD_* variables that describe the event to a program.
func Environment(e Event) []string {
	return []string{
		"VRRPD_KIND=" + string(e.Kind),
		"VRRPD_NAME=" + oneLine(e.Name),
		"VRRPD_STATE=" + e.State.Word(),
		"VRRPD_PREVIOUS_STATE=" + e.Previous.Word(),
		"VRRPD_PRIORITY=" + e.priority(),
		"VRRPD_REASON=" + oneLine(e.Reason),
		"VRRPD_TIME=" + e.At.Format(time.RFC3339Nano),
	}
}

// oneLine makes text that may come from outside harmless to line-based readers.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// Scripts are the programs of one instance or group by keepalived's keywords. Fields
// that are nil are not configured.
type Scripts struct {
	Master     *script.Command // notify_master
	Backup     *script.Command // notify_backup
	Fault      *script.Command // notify_fault
	Stop       *script.Command // notify_stop
	Deleted    *script.Command // notify_deleted
	RxLowerPri *script.Command // notify_master_rx_lower_pri
	Any        *script.Command // notify
}

// Hooks returns the programs in the order keepalived starts them: the one for the
// state first, then notify. Put them into one lane, so that they never overlap.
func (s Scripts) Hooks() []Hook {
	var hooks []Hook
	add := func(keyword string, c *script.Command, a Arguments, on ...State) {
		if c != nil {
			hooks = append(hooks, Hook{On: on, Target: Exec{Keyword: keyword, Command: *c, Arguments: a}})
		}
	}
	add("notify_master", s.Master, Configured, Master)
	add("notify_backup", s.Backup, Configured, Backup)
	add("notify_fault", s.Fault, Configured, Fault)
	add("notify_stop", s.Stop, Configured, Stop)
	add("notify_deleted", s.Deleted, Configured, Deleted)
	add("notify_master_rx_lower_pri", s.RxLowerPri, Configured, RxLowerPri)
	add("notify", s.Any, KindNameStatePriority)
	return hooks
}
