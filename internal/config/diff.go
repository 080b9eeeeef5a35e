// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Plan is what a reload would do. It is pure data, sorted by name; the empty Plan changes nothing.
type Plan struct {
	Removed   []string         `json:"removed,omitempty"`
	Added     []string         `json:"added,omitempty"`
	Changed   []InstanceChange `json:"changed,omitempty"`
	Restarted []InstanceChange `json:"restarted,omitempty"`
	// Others are the changes outside instances: groups, scripts, checks, claims and the rest.
	Others []BlockChange `json:"others,omitempty"`
}

// Empty reports whether the plan changes nothing.
func (p Plan) Empty() bool {
	return len(p.Removed)+len(p.Added)+len(p.Changed)+len(p.Restarted)+len(p.Others) == 0
}

// InstanceChange is an instance that stays, with its new name. In Plan.Restarted it leaves its state and starts anew: a MASTER
// there flaps.
type InstanceChange struct {
	Name string `json:"name"`
	// OldName differs from Name for a renamed instance, which keeps its state.
	OldName string        `json:"old_name,omitempty"`
	Fields  []FieldChange `json:"fields"`
}

// FieldChange is one changed keyword. Secrets show as ***.
type FieldChange struct {
	Keyword string `json:"keyword"`
	Old     string `json:"old"`
	New     string `json:"new"`
	// Why says for a restart why it cannot be live, and for a live change what the peers will make of it; "" is no effect on them.
	Why string `json:"why,omitempty"`
}

// BlockChange is an added, removed or changed block.
type BlockChange struct {
	Block  string `json:"block"`
	Name   string `json:"name,omitempty"`
	Change string `json:"change"` // added, removed or changed
}

// fieldRule says how a field of Instance is called and what its change means.
type fieldRule struct{ keyword, restart, effect string }

const (
	restartIdentity = "it is a different virtual router to its peers"
	restartWire     = "the sockets and the wire format change"
	restartLink     = "the interface that carries the addresses changes"
	effectPeers     = "peers refuse the adverts until they are changed too, and then both are MASTER"
	effectAddresses = "a keepalived before 2.3.3 and a strict peer refuse the adverts until they are changed too, and then both are MASTER"
	effectElection  = "the election may turn out differently"
)

// fieldRules has every exported field of Instance; a test holds it to that.
var fieldRules = map[string]fieldRule{
	"Name": {keyword: "vrrp_instance"}, "Interface": {"interface", restartIdentity, ""}, "VRID": {"virtual_router_id", restartIdentity, ""},
	"Family": {"family", restartIdentity, ""}, "Version": {"version", restartWire, ""}, "Unicast": {"unicast_peer", restartWire, ""},
	"McastGroup": {"mcast_dst_ip", restartWire, ""}, "VMAC": {"use_vmac", restartLink, ""}, "IPVLAN": {"use_ipvlan", restartLink, ""}, "VRF": {"vrf", restartLink, ""},
	"Priority": {"priority", "", effectElection}, "InitialState": {keyword: "state"}, "AdvertInterval": {"advert_int", "", "in version 2 " + effectPeers},
	"Preempt": {"nopreempt", "", effectElection}, "PreemptDelay": {keyword: "preempt_delay"}, "StartDelay": {keyword: "start_delay"},
	"DownTimerAdverts": {keyword: "down_timer_adverts"}, "Addresses": {"virtual_ipaddress", "", effectAddresses}, "Excluded": {keyword: "virtual_ipaddress_excluded"},
	"Routes": {keyword: "virtual_routes"}, "Rules": {keyword: "virtual_rules"}, "Auth": {"authentication", "", effectPeers}, "HMAC": {"auth_hmac", "", "a new key must be on every node before it signs"},
	"UnicastPeers": {keyword: "unicast_peer"}, "Source": {"unicast_src_ip", "", "peers that check the source refuse the new one until they list it"}, "UnicastTTL": {keyword: "unicast_ttl"},
	"CheckUnicastSource": {keyword: "check_unicast_src"}, "UnicastFaultNoPeer": {keyword: "unicast_fault_no_peer"}, "TrackSource": {keyword: "track_src_ip"},
	"ChecksumAsV2": {"v3_checksum_as_v2", "", effectPeers}, "OldChecksum": {"old_unicast_checksum", "", ""}, "VMACXmitBase": {keyword: "vmac_xmit_base"},
	"VMACAddresses": {"use_vmac_addr", restartLink, ""}, "Accept": {keyword: "accept"}, "Strict": {keyword: "strict_mode"}, "SkipCheckAdvAddr": {keyword: "skip_check_adv_addr"},
	"PromoteSecondaries": {keyword: "promote_secondaries"}, "OwnerIgnoreAdverts": {keyword: "owner_ignore_adverts"}, "TimerExpiredBackup": {keyword: "timer_expired_backup"},
	"TimerExpiredPriority": {keyword: "timer_expired_backup"}, "Garp": {keyword: "garp_…"}, "LowerPrioNoAdvert": {keyword: "lower_prio_no_advert"},
	"HigherPrioSendAdvert": {keyword: "higher_prio_send_advert"}, "NotifyPriorityChanges": {keyword: "notify_priority_changes"},
	"TrackInterfaces": {"track_interface", "", effectElection}, "TrackScripts": {"track_script", "", effectElection}, "TrackFiles": {"track_file", "", effectElection},
	"TrackProcesses": {"track_process", "", effectElection}, "TrackBFD": {"track_bfd", "", effectElection}, "TrackChecks": {"track_check", "", effectElection},
	"TrackPrimary": {keyword: "dont_track_primary"}, "Notify": {keyword: "notify_…"}, "Claims": {keyword: "cloud_claim"}, "IPsec": {keyword: "notify_ipsec"},
	"Conntrack": {keyword: "conntrack_sync"}, "SourceAddress": {keyword: "source_address"}, "SyncGroup": {"vrrp_sync_group", "", "the instance moves with its new group"},
	"Debug": {keyword: "debug"}, "KernelRxBuf": {keyword: "kernel_rx_buf_size"},
}

// Diff plans the way from one configuration to another. Instances are matched by what peers see of them (VRID, family, interface,
// unicast or multicast), not by name. Diff(a, a) is empty.
func Diff(from, to *Config) Plan {
	var p Plan
	pairs, removed, added := match(from.Instances, to.Instances)
	for _, v := range removed {
		p.Removed = append(p.Removed, v.Name)
	}
	for _, v := range added {
		p.Added = append(p.Added, v.Name)
	}
	for _, m := range pairs {
		c, restart := changes(m[0], m[1])
		switch {
		case len(c.Fields) == 0:
		case restart:
			p.Restarted = append(p.Restarted, c)
		default:
			p.Changed = append(p.Changed, c)
		}
	}
	p.Others = otherChanges(from, to)
	slices.Sort(p.Removed)
	slices.Sort(p.Added)
	byName := func(a, b InstanceChange) int { return cmp.Compare(a.Name, b.Name) }
	slices.SortStableFunc(p.Changed, byName)
	slices.SortStableFunc(p.Restarted, byName)
	return p
}

// match pairs instances: first by full identity, then without the list of peers, then by name.
func match(from, to []*Instance) (pairs [][2]*Instance, removed, added []*Instance) {
	taken, used := make(map[*Instance]bool), make(map[*Instance]bool)
	link := func(key func(*Instance) any) {
		index := make(map[any]*Instance)
		for _, v := range to {
			if k := key(v); !used[v] && index[k] == nil {
				index[k] = v
			}
		}
		for _, v := range from {
			n := index[key(v)]
			if taken[v] || n == nil || used[n] {
				continue
			}
			taken[v], used[n] = true, true
			pairs = append(pairs, [2]*Instance{v, n})
		}
	}
	type named struct {
		Identity
		name string
	}
	link(func(v *Instance) any { return named{v.Identity(), v.Name} })
	link(func(v *Instance) any { return v.Identity() })
	link(func(v *Instance) any {
		id := v.Identity()
		if v.Unicast {
			id.Target = "unicast"
		}
		return id
	})
	link(func(v *Instance) any { return v.Name })
	for _, v := range from {
		if !taken[v] {
			removed = append(removed, v)
		}
	}
	for _, v := range to {
		if !used[v] {
			added = append(added, v)
		}
	}
	return pairs, removed, added
}

// changes lists the fields that differ, in the order of the type, and whether any of them needs a restart.
func changes(from, to *Instance) (c InstanceChange, restart bool) {
	c.Name = to.Name
	if from.Name != to.Name {
		c.OldName = from.Name
	}
	a, b := reflect.ValueOf(from).Elem(), reflect.ValueOf(to).Elem()
	for i := range a.NumField() {
		f := a.Type().Field(i)
		if !f.IsExported() || f.Anonymous {
			continue
		}
		oldText, newText := canonical(a.Field(i).Interface()), canonical(b.Field(i).Interface())
		if oldText == newText && secrets(a.Field(i).Interface()) == secrets(b.Field(i).Interface()) {
			continue
		}
		rule := fieldRules[f.Name]
		if f.Name == "UnicastPeers" && from.Unicast != to.Unicast {
			continue // the field Unicast says it
		}
		restart = restart || rule.restart != ""
		c.Fields = append(c.Fields, FieldChange{rule.keyword, readable(oldText), readable(newText), cmp.Or(rule.restart, rule.effect)})
	}
	return c, restart
}

// canonical is a value without positions and secrets.
func canonical(v any) string {
	switch x := v.(type) {
	case fmt.Stringer:
		return x.String()
	case string:
		return x
	}
	if list := reflect.ValueOf(v); list.Kind() == reflect.Slice && list.Len() == 0 {
		return "null" // an empty list is as good as none
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%+v", v)
	}
	return string(b)
}

// readable is what a person reads of a canonical value: without what is not set.
func readable(canonical string) string {
	d := json.NewDecoder(strings.NewReader(canonical))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil || d.More() {
		return canonical // a word
	}
	return plain(v)
}

func plain(v any) string {
	var words []string
	switch x := v.(type) {
	case nil:
		return "none"
	case []any:
		for _, e := range x {
			words = append(words, plain(e))
		}
		return "[" + strings.Join(words, ", ") + "]"
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(x)) {
			if last := plain(x[k]); last != "" && last != "none" && last != "false" && last != "0" && last != "[]" {
				words = append(words, k+" "+last)
			}
		}
		if len(words) == 1 {
			_, only, _ := strings.Cut(words[0], " ")
			return only
		}
		return strings.Join(words, " ")
	}
	return fmt.Sprint(v)
}

// secrets returns what canonical hides, for comparison only.
func secrets(v any) string {
	var b strings.Builder
	switch x := v.(type) {
	case Auth:
		return x.Password.Reveal()
	case *HMAC:
		if x != nil {
			for _, k := range x.Keys {
				b.WriteString(k.Key.Reveal() + "\x00")
			}
		}
	}
	return b.String()
}

// otherChanges compares the blocks that have names, and the rest as wholes.
func otherChanges(from, to *Config) []BlockChange {
	var out []BlockChange
	out = append(out, compareBlocks("vrrp_sync_group", from.SyncGroups, to.SyncGroups, func(v *SyncGroup) string { return v.Name })...)
	out = append(out, compareBlocks("vrrp_script", from.Scripts, to.Scripts, func(v *Script) string { return v.Name })...)
	out = append(out, compareBlocks("vrrp_check", from.Checks, to.Checks, func(v *Check) string { return v.Name })...)
	out = append(out, compareBlocks("track_file", from.TrackFiles, to.TrackFiles, func(v *TrackFile) string { return v.Name })...)
	out = append(out, compareBlocks("vrrp_track_process", from.TrackProcesses, to.TrackProcesses, func(v *TrackProcess) string { return v.Name })...)
	out = append(out, compareBlocks("bfd_instance", from.BFD, to.BFD, func(v *BFD) string { return v.Name })...)
	out = append(out, compareBlocks("track_group", from.TrackGroups, to.TrackGroups, func(v *TrackGroup) string { return v.Name })...)
	out = append(out, compareBlocks("cloud_claim", from.Claims, to.Claims, func(v *CloudClaim) string { return v.Name })...)
	for _, w := range []struct {
		block    string
		old, new any
	}{
		{"garp_group", from.GarpGroups, to.GarpGroups},
		{"global_defs", from.Global, to.Global},
		{"interface_up_down_delays", from.LinkDelays, to.LinkDelays},
		{"linkbeat_interfaces", from.PolledInterfaces, to.PolledInterfaces},
		{"net_namespace", from.NetNamespace, to.NetNamespace},
		{"static_ipaddress", from.StaticAddresses, to.StaticAddresses},
		{"static_routes", from.StaticRoutes, to.StaticRoutes},
		{"static_rules", from.StaticRules, to.StaticRules},
	} {
		if canonical(w.old) != canonical(w.new) {
			out = append(out, BlockChange{Block: w.block, Change: "changed"})
		}
	}
	slices.SortStableFunc(out, func(a, b BlockChange) int {
		return cmp.Or(cmp.Compare(a.Block, b.Block), cmp.Compare(a.Name, b.Name))
	})
	return out
}

func compareBlocks[T any](block string, from, to []*T, name func(*T) string) []BlockChange {
	var out []BlockChange
	old := make(map[string]*T)
	for _, v := range from {
		old[name(v)] = v
	}
	for _, v := range to {
		n := name(v)
		o, ok := old[n]
		delete(old, n)
		switch {
		case !ok:
			out = append(out, BlockChange{block, n, "added"})
		case canonical(o) != canonical(v):
			out = append(out, BlockChange{block, n, "changed"})
		}
	}
	for _, v := range from {
		if _, left := old[name(v)]; left {
			out = append(out, BlockChange{block, name(v), "removed"})
		}
	}
	return out
}
