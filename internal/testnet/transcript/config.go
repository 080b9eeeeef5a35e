// SPDX-License-Identifier: Apache-2.0

package transcript

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/govrrp/vrrpd/vrrp"
)

// Config applies args to c and returns the words that are not its own.
func Config(c vrrp.Config, args []datadriven.CmdArg) (vrrp.Config, []datadriven.CmdArg, error) {
	var rest []datadriven.CmdArg
	for _, arg := range args {
		known, err := set(&c, arg)
		if err != nil {
			return c, nil, fmt.Errorf("%s: %w", arg, err)
		}
		if !known {
			rest = append(rest, arg)
		}
	}
	return c, rest, nil
}

func set(c *vrrp.Config, arg datadriven.CmdArg) (known bool, err error) {
	if flag := flagOf(c, arg.Key); flag != nil {
		*flag = len(arg.Vals) == 0 || arg.Vals[0] == "yes"
		return true, nil
	}
	if d := durationOf(c, arg.Key); d != nil {
		*d, err = time.ParseDuration(arg.Vals[0])
		return true, err
	}
	switch arg.Key {
	case "if":
		c.ID.Interface = arg.Vals[0]
	case "vrid":
		c.ID.VRID, err = number(arg)
	case "priority":
		c.Priority, err = number(arg)
	case "version":
		var v uint8
		v, err = number(arg)
		c.Version = vrrp.Version(v)
	case "family":
		c.ID.Family = map[string]vrrp.Family{"ipv4": vrrp.IPv4, "ipv6": vrrp.IPv6}[arg.Vals[0]]
	case "down-adverts":
		c.DownAdverts, err = strconv.Atoi(arg.Vals[0])
	case "repeat":
		c.Announce.Repeat, err = strconv.Atoi(arg.Vals[0])
	case "lower-repeat":
		c.Announce.LowerRepeat, err = strconv.Atoi(arg.Vals[0])
	case "source":
		c.Source, err = netip.ParseAddr(arg.Vals[0])
	case "vip":
		c.Addresses, err = addresses(arg.Vals)
	case "peer":
		c.Peers = nil
		var all []netip.Addr
		all, err = addresses(arg.Vals)
		for _, a := range all {
			c.Peers = append(c.Peers, vrrp.Peer{Address: a})
		}
	case "pass":
		c.AuthType, c.Password = vrrp.AuthPass, vrrp.MakePassword(arg.Vals[0])
	default:
		return false, nil
	}
	return true, err
}

func flagOf(c *vrrp.Config, word string) *bool {
	return map[string]*bool{
		"nopreempt":       &c.NoPreempt,
		"owner-waits":     &c.OwnerWaits,
		"any-source":      &c.AnyUnicastSource,
		"strict":          &c.StrictAddresses,
		"grouped":         &c.Grouped,
		"waits-for-slow":  &c.WaitsForSlowMember,
		"higher-send":     &c.HigherSendsAdvert,
		"lower-no-answer": &c.LowerGetsNoAdvert,
	}[word]
}

func durationOf(c *vrrp.Config, word string) *time.Duration {
	return map[string]*time.Duration{
		"interval":      &c.Interval,
		"preempt-delay": &c.PreemptDelay,
		"start-delay":   &c.StartDelay,
		"second-burst":  &c.Announce.Delay,
		"refresh":       &c.Announce.Refresh,
		"elsewhere":     &c.Announce.Elsewhere,
		"lower-delay":   &c.Announce.LowerDelay,
	}[word]
}

func number(arg datadriven.CmdArg) (uint8, error) {
	n, err := strconv.ParseUint(arg.Vals[0], 10, 8)
	return uint8(n), err
}

func addresses(words []string) (all []netip.Addr, err error) {
	for _, w := range words {
		a, err := netip.ParseAddr(w)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}
