// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/govrrp/vrrpd/internal/config/diag"
	"github.com/govrrp/vrrpd/internal/config/syntax"
)

// Host answers questions about the host that the configuration is for.
type Host interface {
	// Interface returns the addresses of an interface, and whether there is one.
	Interface(name string) (addrs []netip.Addr, ok bool)
	// Program says why a program cannot be run, or why it should not: not found, not executable, writable by others.
	Program(path string) error
}

// LocalHost is this host.
type LocalHost struct{}

// Interface implements [Host].
func (LocalHost) Interface(name string) ([]netip.Addr, bool) {
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return nil, false
	}
	addrs, err := ifi.Addrs()
	if err != nil {
		return nil, true
	}
	var out []netip.Addr
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, p.Addr())
		}
	}
	return out, true
}

// ErrUnsafe is a program that others than root can change.
var ErrUnsafe = errors.New("others than root can write to it")

// Program implements [Host].
func (LocalHost) Program(path string) error {
	full, err := exec.LookPath(path)
	if err != nil {
		var e *exec.Error
		if errors.As(err, &e) {
			err = e.Err
		}
		return err
	}
	if full, err = filepath.EvalSymlinks(full); err != nil {
		return err
	}
	for p := full; ; p = filepath.Dir(p) {
		st, err := os.Stat(p)
		if err != nil {
			return err
		}
		sticky := st.IsDir() && st.Mode()&fs.ModeSticky != 0
		if st.Mode().Perm()&0o022 != 0 && !sticky {
			return fmt.Errorf("%s: %w", p, ErrUnsafe)
		}
		if p == filepath.Dir(p) {
			return nil
		}
	}
}

// host compares the configuration with the host.
func (b *builder) host() {
	for _, v := range b.cfg.Instances {
		b.hostInterfaces(v)
	}
	for _, s := range b.cfg.Scripts {
		b.hostProgram(&s.Command, diag.Warning, "instances that track it run untracked under keepalived")
	}
	for _, v := range b.cfg.Instances {
		b.hostNotify(&v.Notify)
	}
	for _, v := range b.cfg.SyncGroups {
		b.hostNotify(&v.Notify)
	}
}

func (b *builder) hostInterfaces(v *Instance) {
	missing := diag.Error
	why := "keepalived refuses to run unless dynamic_interfaces is set"
	if b.cfg.Global.DynamicInterfaces {
		missing, why = diag.Warning, "the instance is FAULT until it appears"
	}
	look := func(name string, at syntax.Pos) []netip.Addr {
		if name == "" {
			return nil
		}
		addrs, ok := b.opts.Host.Interface(name)
		if !ok {
			b.add(at, missing, "host-interface", "this host has no interface "+name, why, "an interface of: ip link")
		}
		return addrs
	}
	own := look(v.Interface, v.At("interface"))
	for _, t := range v.TrackInterfaces {
		look(t.Name, t.Pos)
	}
	for _, a := range slices.Concat(v.Addresses, v.Excluded) {
		look(a.Dev, a.Pos)
	}
	if v.Source.IsValid() && len(own) > 0 && !slices.Contains(own, v.Source) {
		at := v.At("unicast_src_ip")
		if v.Has("mcast_src_ip") {
			at = v.At("mcast_src_ip")
		}
		b.add(at, diag.Warning, "host-source", v.Source.String()+" is not an address of "+v.Interface, "the instance is FAULT until it is", "an address of: ip address show dev "+v.Interface)
	}
}

func (b *builder) hostNotify(n *Notify) {
	for _, c := range []*Command{n.Master, n.Backup, n.Fault, n.Stop, n.Any, n.MasterRxLowerPri, n.Deleted} {
		if c != nil {
			b.hostProgram(c, diag.Warning, "keepalived drops it without a word in -t")
		}
	}
}

func (b *builder) hostProgram(c *Command, sev diag.Severity, why string) {
	if len(c.Argv) == 0 {
		return
	}
	err := b.opts.Host.Program(c.Argv[0])
	switch {
	case err == nil:
	case errors.Is(err, ErrUnsafe) && !b.cfg.Global.ScriptSecurity:
		b.add(c.Pos, sev, "host-unsafe", c.Argv[0]+" is not safe: "+err.Error(), "whoever writes to it runs as the script's user", "chmod go-w, and enable_script_security")
	case errors.Is(err, ErrUnsafe):
		b.add(c.Pos, sev, "host-unsafe", c.Argv[0]+" will not be run: "+err.Error(), "enable_script_security refuses it; "+why, "chmod go-w")
	default:
		b.add(c.Pos, sev, "host-program", c.Argv[0]+" cannot be run: "+strings.TrimPrefix(err.Error(), "exec: "), why, "a program that exists and is executable")
	}
}
