// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"net/netip"
	"time"
)

// The JSON form of the model. Field names are stable: new ones may come, none is renamed.
type (
	modelJSON struct {
		Instances  []instanceJSON `json:"instances"`
		SyncGroups []groupJSON    `json:"sync_groups"`
		Scripts    []scriptJSON   `json:"scripts"`
	}
	instanceJSON struct {
		Name         string         `json:"name"`
		VRID         uint8          `json:"vrid"`
		Version      uint8          `json:"version"`
		Family       string         `json:"family"`
		Interface    string         `json:"interface"`
		Priority     uint8          `json:"priority"`
		AdvertInt    seconds        `json:"advert_int"`
		Preempt      bool           `json:"preempt"`
		PreemptDelay seconds        `json:"preempt_delay"`
		StartDelay   seconds        `json:"start_delay"`
		State        string         `json:"state"`
		Addresses    []netip.Prefix `json:"addresses"`
		Excluded     []netip.Prefix `json:"excluded"`
		Source       string         `json:"source"`
		Peers        []netip.Addr   `json:"peers"`
		Auth         *authJSON      `json:"auth"`
		SyncGroup    string         `json:"sync_group"`
		Track        trackJSON      `json:"track"`
		Notify       notifyJSON     `json:"notify"`
		CloudClaims  []string       `json:"cloud_claims,omitempty"`
	}
	authJSON struct {
		Type string `json:"type"`
	}
	trackJSON struct {
		Scripts    []string `json:"scripts"`
		Interfaces []string `json:"interfaces"`
		Files      []string `json:"files"`
		Processes  []string `json:"processes"`
		BFD        []string `json:"bfd,omitempty"`
		Checks     []string `json:"checks,omitempty"`
	}
	notifyJSON struct {
		Master           []string `json:"master,omitempty"`
		Backup           []string `json:"backup,omitempty"`
		Fault            []string `json:"fault,omitempty"`
		Stop             []string `json:"stop,omitempty"`
		Deleted          []string `json:"deleted,omitempty"`
		MasterRxLowerPri []string `json:"master_rx_lower_pri,omitempty"`
		Any              []string `json:"any,omitempty"`
		SMTPAlert        bool     `json:"smtp_alert,omitempty"`
	}
	groupJSON struct {
		Name    string   `json:"name"`
		Members []string `json:"members"`
	}
	scriptJSON struct {
		Name     string   `json:"name"`
		Argv     []string `json:"argv"`
		Interval seconds  `json:"interval"`
		Timeout  seconds  `json:"timeout"`
		Rise     int      `json:"rise"`
		Fall     int      `json:"fall"`
		Weight   int      `json:"weight"`
	}
)

// seconds is a duration that marshals as a number of seconds.
type seconds time.Duration

// MarshalJSON prints the shortest exact decimal.
func (s seconds) MarshalJSON() ([]byte, error) { return []byte(formatSeconds(time.Duration(s))), nil }

// MarshalModel returns the validated model as indented JSON. Passwords and keys are not in it.
func MarshalModel(c *Config) ([]byte, error) { return json.MarshalIndent(Model(c), "", "  ") }

// Model returns the value that MarshalModel prints.
func Model(c *Config) any {
	m := modelJSON{Instances: []instanceJSON{}, SyncGroups: []groupJSON{}, Scripts: []scriptJSON{}}
	for _, v := range c.Instances {
		m.Instances = append(m.Instances, v.json())
	}
	for _, g := range c.SyncGroups {
		m.SyncGroups = append(m.SyncGroups, groupJSON{g.Name, append([]string{}, g.Members...)})
	}
	for _, s := range c.Scripts {
		argv := append([]string{}, s.Command.Argv...)
		m.Scripts = append(m.Scripts, scriptJSON{s.Name, argv, seconds(s.Interval), seconds(s.Timeout), s.Rise, s.Fall, s.Weight})
	}
	return m
}

func (i *Instance) json() instanceJSON {
	j := instanceJSON{
		Name: i.Name, VRID: i.VRID, Version: i.Version, Family: i.Family.String(), Interface: i.Interface, Priority: i.Priority, AdvertInt: seconds(i.AdvertInterval),
		Preempt: i.Preempt, PreemptDelay: seconds(i.PreemptDelay), StartDelay: seconds(i.StartDelay), State: i.InitialState.String(),
		Addresses: []netip.Prefix{}, Excluded: []netip.Prefix{}, Peers: []netip.Addr{}, SyncGroup: i.SyncGroup, CloudClaims: i.Claims,
		Track: trackJSON{
			Scripts: trackNames(i.TrackScripts), Interfaces: trackNames(i.TrackInterfaces), Files: trackNames(i.TrackFiles), Processes: trackNames(i.TrackProcesses),
			BFD: trackNames(i.TrackBFD), Checks: trackNames(i.TrackChecks),
		},
		Notify: i.Notify.json(),
	}
	for _, a := range i.Addresses {
		j.Addresses = append(j.Addresses, a.Prefix)
	}
	for _, a := range i.Excluded {
		j.Excluded = append(j.Excluded, a.Prefix)
	}
	for _, p := range i.UnicastPeers {
		j.Peers = append(j.Peers, p.Addr)
	}
	if i.Source.IsValid() {
		j.Source = i.Source.String()
	}
	switch {
	case i.HMAC != nil:
		j.Auth = &authJSON{"HMAC"}
	case i.Auth.Type != AuthNone:
		j.Auth = &authJSON{i.Auth.Type.String()}
	}
	return j
}

func trackNames(list []Track) []string {
	out := make([]string, 0, len(list))
	for _, t := range list {
		out = append(out, t.Name)
	}
	return out
}

func (n *Notify) json() notifyJSON {
	argv := func(c *Command) []string {
		if c == nil {
			return nil
		}
		return c.Argv
	}
	return notifyJSON{argv(n.Master), argv(n.Backup), argv(n.Fault), argv(n.Stop), argv(n.Deleted), argv(n.MasterRxLowerPri), argv(n.Any), n.SMTPAlert}
}
