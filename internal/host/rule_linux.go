// SPDX-License-Identifier: Apache-2.0

package host

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The actions of <linux/fib_rules.h>.
const (
	ruleTable       = 1
	ruleGoto        = 2
	ruleNop         = 3
	ruleBlackhole   = 6
	ruleUnreachable = 7
	ruleProhibit    = 8
)

var ruleActions = map[string]uint8{
	"": ruleTable, "table": ruleTable, "lookup": ruleTable, "goto": ruleGoto, "nop": ruleNop,
	"blackhole": ruleBlackhole, "unreachable": ruleUnreachable, "prohibit": ruleProhibit,
}

// netlink returns the rule in the kernel's terms.
func (r *Rule) netlink() (*netlink.Rule, error) {
	n := netlink.NewRule()
	n.Family = family(r.Family)
	n.Protocol = protocolKeepalived
	n.Invert, n.IifName, n.OifName, n.Tos = r.Not, r.IIF, r.OIF, uint(r.TOS)
	n.Mark = r.Mark
	if r.Mask != 0 {
		n.Mask = &r.Mask
	}
	if r.Preference > 0 {
		n.Priority = r.Preference
	}
	if r.From.IsValid() {
		n.Src = ipNet(r.From.Masked())
	}
	if r.To.IsValid() {
		n.Dst = ipNet(r.To.Masked())
	}
	action, known := ruleActions[r.Action]
	var err error
	switch {
	case !known:
		return nil, fmt.Errorf("unknown action %q", r.Action)
	case action == ruleTable:
		n.Table, err = tableOf(r.Target)
	case action == ruleGoto:
		n.Goto, err = strconv.Atoi(r.Target)
	default:
		n.Type = action
	}
	return n, err
}

// there reports whether the kernel has the rule among list.
func ruleAmong(n *netlink.Rule, list []netlink.Rule) bool {
	for i := range list {
		m := &list[i]
		if (n.Priority < 0 || m.Priority == n.Priority) && m.Table == n.Table && m.Goto == n.Goto &&
			m.Invert == n.Invert && m.IifName == n.IifName && m.OifName == n.OifName && m.Tos == n.Tos &&
			m.Mark == n.Mark && m.Protocol == n.Protocol && same(m.Src, n.Src) && same(m.Dst, n.Dst) {
			return true
		}
	}
	return false
}

func same[T interface {
	comparable
	fmt.Stringer
}](a, b T,
) bool {
	var none T
	if a == none || b == none {
		return a == b
	}
	return a.String() == b.String()
}

func (h *Host) eachRule(r *Router, do func(n *netlink.Rule, there bool) error) error {
	var faults []error
	for i := range r.Rules {
		n, err := r.Rules[i].netlink()
		if err == nil {
			var list []netlink.Rule
			if list, err = h.nl.RuleList(n.Family); err == nil {
				err = do(n, ruleAmong(n, list))
			}
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("rule %d: %w", i+1, err))
		}
	}
	return errors.Join(faults...)
}

// addRules adds the rules that are missing.
func (h *Host) addRules(r *Router) error {
	return h.eachRule(r, func(n *netlink.Rule, there bool) error {
		if there {
			return nil
		}
		if err := h.nl.RuleAdd(n); err != nil && !errors.Is(err, unix.EEXIST) {
			return err
		}
		return nil
	})
}

// removeRules removes the rules that are there.
func (h *Host) removeRules(r *Router) error {
	return h.eachRule(r, func(n *netlink.Rule, there bool) error {
		if !there {
			return nil
		}
		if err := h.nl.RuleDel(n); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
		return nil
	})
}
