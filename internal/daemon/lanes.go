// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"

	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/notify"
	"github.com/govrrp/vrrpd/notify/ipsec"
	"github.com/govrrp/vrrpd/notify/mail"
	"github.com/govrrp/vrrpd/notify/script"
	"github.com/govrrp/vrrpd/vrrp"
)

// runAs resolves commands: who runs them and under which policy.
type runAs struct {
	user, group string
	policy      script.Policy
	known       map[[2]string]*script.User
}

func newRunAs(g *config.Global) *runAs {
	r := &runAs{user: g.ScriptUser, group: g.ScriptGroup, known: map[[2]string]*script.User{}}
	if g.ScriptSecurity {
		r.policy = script.Refuse
	}
	return r
}

// command returns nil for a command that is not configured.
func (r *runAs) command(c *config.Command) (*script.Command, error) {
	if c == nil {
		return nil, nil
	}
	who := [2]string{c.User, c.Group}
	if c.User == "" {
		who = [2]string{r.user, r.group}
	}
	out := &script.Command{Argv: c.Argv, Policy: r.policy}
	if who[0] == "" {
		return out, nil
	}
	if r.known[who] == nil {
		u, err := script.LookupUser(who[0], who[1])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Argv[0], err)
		}
		r.known[who] = &u
	}
	out.User = r.known[who]
	return out, nil
}

func (r *runAs) scripts(n *config.Notify) (s notify.Scripts, err error) {
	var errs []error
	resolve := func(c *config.Command) *script.Command {
		out, err := r.command(c)
		if out != nil {
			out.Timeout = n.Timeout
		}
		errs = append(errs, err)
		return out
	}
	s = notify.Scripts{
		Master: resolve(n.Master), Backup: resolve(n.Backup), Fault: resolve(n.Fault), Stop: resolve(n.Stop),
		Deleted: resolve(n.Deleted), RxLowerPri: resolve(n.MasterRxLowerPri), Any: resolve(n.Any),
	}
	return s, errors.Join(errs...)
}

// lanes returns the notification lanes of a configuration: those of each
// instance and group, and those that hear everybody.
func (d *Daemon) lanes(c *config.Config) ([]notify.Lane, error) {
	var lanes []notify.Lane
	var errs []error
	as := newRunAs(&c.Global)
	for _, i := range c.Instances {
		f := follower{
			who: notify.Subject{Kind: notify.Instance, Name: i.Name}, routers: []vrrp.ID{routerID(i)}, addresses: addressesOf(i),
			notify: &i.Notify, ipsec: i.IPsec, conntrack: i.Conntrack, claims: len(i.Claims) > 0,
		}
		own, err := d.lanesOf(as, f)
		lanes, errs = append(lanes, own...), append(errs, err)
	}
	for _, g := range c.SyncGroups {
		f := follower{
			who: notify.Subject{Kind: notify.Group, Name: g.Name}, routers: groupRouters(c, g), addresses: groupAddresses(c, g),
			notify: &g.Notify, ipsec: g.IPsec, conntrack: g.Conntrack, claims: len(g.Claims) > 0,
		}
		own, err := d.lanesOf(as, f)
		lanes, errs = append(lanes, own...), append(errs, err)
	}
	shared, err := d.sharedLanes(c)
	return append(lanes, shared...), errors.Join(append(errs, err)...)
}

// follower is what follows the state of an instance or group.
type follower struct {
	who       notify.Subject
	routers   []vrrp.ID
	addresses []netip.Addr
	notify    *config.Notify
	ipsec     *config.IPsec
	conntrack *config.Conntrack
	claims    bool
}

// lanesOf are one instance's or group's, in their order: addresses, then
// connection tracking and, beside it, claim and IPsec; scripts come last and
// keep none of the others waiting for their next turn.
func (d *Daemon) lanesOf(as *runAs, f follower) ([]notify.Lane, error) {
	name := string(f.who.Kind) + " " + f.who.Name
	addresses := notify.Lane{Name: name + " addresses", Subject: f.who}
	tracking := notify.Lane{Name: name + " conntrack", Subject: f.who, After: addresses.Name}
	edge := notify.Lane{Name: name + " edge", Subject: f.who, After: addresses.Name}
	if f.conntrack != nil {
		addresses.Hooks = append(addresses.Hooks, d.phases.committed(f.who))
		tracking.Hooks = append(tracking.Hooks, notify.Hook{Target: conntrackTarget(f.conntrack), Yields: true})
	}
	addresses.Hooks = append(addresses.Hooks, d.phases.settled(f.routers))
	if f.claims {
		edge.Hooks = append(edge.Hooks, d.afterClaim(f.who))
	}
	if f.ipsec != nil {
		c := ipsec.Config{
			Stack: ipsec.Stack(f.ipsec.Stack), Unit: f.ipsec.Unit, Connections: f.ipsec.Connections, Addresses: f.addresses,
			Socket: f.ipsec.Socket, Timeout: f.ipsec.Timeout, Wait: f.ipsec.Wait,
		}
		if c.Wait > 0 {
			c.Ready = ipsec.Usable
		}
		target, err := ipsec.New(c)
		if err != nil {
			return nil, fmt.Errorf("%s: notify_ipsec: %w", f.who.Name, err)
		}
		edge.Hooks = append(edge.Hooks, notify.Hook{Target: target, Yields: true})
	}
	programs, err := as.scripts(f.notify)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.who.Name, err)
	}
	scripts := notify.Lane{Name: name, Subject: f.who, After: edge.Name, Hooks: programs.Hooks()}
	if len(edge.Hooks) == 0 {
		scripts.After = addresses.Name
	}
	lanes := []notify.Lane{addresses}
	for _, l := range []notify.Lane{tracking, edge, scripts} {
		if len(l.Hooks) > 0 {
			lanes = append(lanes, l)
		}
	}
	if len(lanes) == 1 {
		return nil, nil // nobody waits for the addresses
	}
	return lanes, nil
}

// sharedLanes are those that hear everybody: pipes and mail.
func (d *Daemon) sharedLanes(c *config.Config) ([]notify.Lane, error) {
	var lanes []notify.Lane
	g := &c.Global
	for _, f := range []config.FIFO{g.NotifyFIFO, g.VRRPNotifyFIFO} {
		if f.Path == "" {
			continue
		}
		fifo, err := d.fifo(f)
		if err != nil {
			return nil, err
		}
		lanes = append(lanes, notify.Lane{
			Name: "fifo " + f.Path, Depth: notify.FIFODepth,
			Hooks: []notify.Hook{{On: notify.Everything(), Target: fifo}},
		})
	}
	if g.Email.Server == "" || len(g.Email.To) == 0 {
		return lanes, nil
	}
	target, err := mail.New(mail.Config{
		Server: net.JoinHostPort(g.Email.Server, strconv.Itoa(cmp.Or(g.Email.Port, 25))), From: g.Email.From, To: g.Email.To,
		RouterID: g.RouterID, Hello: g.Email.HeloName, ConnectTimeout: g.Email.ConnectTimeout,
		Encryption: map[string]mail.Encryption{"starttls": mail.StartTLS, "tls": mail.TLS}[g.Email.TLS],
	})
	if err != nil {
		return nil, err
	}
	for _, i := range c.Instances {
		if i.Notify.SMTPAlert {
			lanes = append(lanes, mailLane(target, notify.Subject{Kind: notify.Instance, Name: i.Name}, g))
		}
	}
	for _, s := range c.SyncGroups {
		if s.Notify.SMTPAlert {
			lanes = append(lanes, mailLane(target, notify.Subject{Kind: notify.Group, Name: s.Name}, g))
		}
	}
	return lanes, nil
}

func mailLane(target notify.Target, who notify.Subject, g *config.Global) notify.Lane {
	on := []notify.State{notify.Master, notify.Backup, notify.Fault, notify.Stop}
	if g.NoEmailFaults {
		on = []notify.State{notify.Master, notify.Backup, notify.Stop}
	}
	return notify.Lane{Name: "mail " + who.Name, Subject: who, Hooks: []notify.Hook{{On: on, Target: target}}}
}

// fifo opens a pipe once; a reload keeps it and its reader.
func (d *Daemon) fifo(f config.FIFO) (*notify.FIFO, error) {
	if open := d.fifos[f.Path]; open != nil {
		return open, nil
	}
	var owner *script.User
	if f.User != "" {
		u, err := script.LookupUser(f.User, f.Group)
		if err != nil {
			return nil, err
		}
		owner = &u
	}
	fifo, err := notify.OpenFIFO(f.Path, owner)
	if err != nil {
		return nil, err
	}
	d.fifos[f.Path] = fifo
	return fifo, nil
}

// serveFIFOs runs the programs that read the pipes until ctx ends.
func (d *Daemon) serveFIFOs(ctx context.Context, parts *sync.WaitGroup) {
	as := newRunAs(&d.cfg.Global)
	for _, f := range []config.FIFO{d.cfg.Global.NotifyFIFO, d.cfg.Global.VRRPNotifyFIFO} {
		reader, err := as.command(f.Script)
		if err != nil || reader == nil || d.fifos[f.Path] == nil {
			continue // an unknown user was reported when the configuration was prepared
		}
		reader.Timeout = script.Forever
		parts.Go(func() { d.fifos[f.Path].Serve(ctx, *reader, d.opts.Log) })
	}
}

func addressesOf(i *config.Instance) []netip.Addr {
	var all []netip.Addr
	for _, list := range [][]config.Address{i.Addresses, i.Excluded} {
		for _, a := range list {
			all = append(all, a.Prefix.Addr())
		}
	}
	return all
}

func groupAddresses(c *config.Config, g *config.SyncGroup) []netip.Addr {
	var all []netip.Addr
	for _, m := range g.Members {
		if i := c.Instance(m); i != nil {
			all = append(all, addressesOf(i)...)
		}
	}
	return all
}
