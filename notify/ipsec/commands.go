// SPDX-License-Identifier: Apache-2.0

package ipsec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// libreswan works through the ipsec command. pluto binds to each address by itself and
// must be told to look for new ones.
type libreswan struct{ Config }

func (l libreswan) up(ctx context.Context) (string, error) {
	report := map[string]string{}
	established, err := l.established(ctx)
	if err != nil {
		return "", err
	}
	if _, err := l.command(ctx, "ipsec", "whack", "--listen"); err != nil {
		return "", err
	}
	for _, name := range l.Connections {
		if slices.Contains(established, name) {
			report[name] = "was up, left alone"
			continue
		}
		if _, err := l.command(ctx, "ipsec", "auto", "--replace", name); err != nil {
			return "", err
		}
		if _, err := l.command(ctx, "ipsec", "auto", "--up", name, "--asynchronous"); err != nil {
			return "", err
		}
	}
	for {
		if established, err = l.established(ctx); err != nil {
			return "", err
		}
		var down, lines []string
		for _, name := range l.Connections {
			if !slices.Contains(established, name) {
				down = append(down, name)
			} else if report[name] == "" {
				report[name] = "up"
			}
			lines = append(lines, name+": "+report[name])
		}
		if len(down) == 0 {
			return strings.Join(lines, "\n"), nil
		}
		if !pause(ctx, tryAgain) {
			return "", fmt.Errorf("not up: %s", strings.Join(down, ", "))
		}
	}
}

func (l libreswan) down(ctx context.Context) (string, error) {
	var failed []error
	for _, name := range l.Connections {
		for _, verb := range []string{"--down", "--delete"} {
			if _, err := l.command(ctx, "ipsec", "auto", verb, name); err != nil {
				failed = append(failed, err)
			}
		}
	}
	return "", errors.Join(failed...)
}

// established lists the connections that carry traffic. The command answers with a
// line like 006 #2: "name", type=ESP, add_time=…
func (l libreswan) established(ctx context.Context) ([]string, error) {
	var out []string
	for _, name := range l.Connections {
		text, err := l.command(ctx, "ipsec", "whack", "--trafficstatus", "--name", name)
		if err != nil {
			return nil, err
		}
		// Old versions ignore --name and list all; "name/1x1" is one of several pairs of subnets.
		if strings.Contains(text, `"`+name+`"`) || strings.Contains(text, `"`+name+`/`) {
			out = append(out, name)
		}
	}
	return out, nil
}

// systemd knows nothing of tunnels: the unit runs on the MASTER and nowhere else.
type systemd struct {
	Config
	again bool // MASTER was told before, and nothing else since
}

func (s systemd) up(ctx context.Context) (string, error) {
	if s.again {
		if _, err := s.command(ctx, "systemctl", "is-active", s.Unit); err == nil {
			return s.Unit + " is active, left alone", nil
		}
	}
	if _, err := s.command(ctx, "systemctl", "restart", s.Unit); err != nil {
		return "", err
	}
	if _, err := s.command(ctx, "systemctl", "is-active", s.Unit); err != nil {
		return "", err
	}
	return s.Unit + " restarted and active", nil
}

func (s systemd) down(ctx context.Context) (string, error) {
	if _, err := s.command(ctx, "systemctl", "stop", s.Unit); err != nil {
		return "", err
	}
	return s.Unit + " stopped", nil
}
