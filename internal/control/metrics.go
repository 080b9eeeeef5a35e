// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// collector reads every metric from one Status, so that they agree.
type collector struct{ b Backend }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("vrrpd_"+name, help, labels, nil)
}

// The label is vrrp_instance: Prometheus calls the scraped target instance.
var (
	descUp         = desc("up", "1 while the daemon answers.", "node", "software")
	descState      = desc("instance_state", "State: 0 INIT, 1 BACKUP, 2 MASTER, 3 FAULT.", "vrrp_instance", "interface", "vrid", "family")
	descPriority   = desc("instance_priority", "Effective priority.", "vrrp_instance")
	descChanges    = desc("instance_transitions_total", "State changes.", "vrrp_instance")
	descSent       = desc("instance_adverts_sent_total", "Advertisements sent.", "vrrp_instance")
	descReceived   = desc("instance_adverts_received_total", "Advertisements accepted.", "vrrp_instance")
	descRefused    = desc("instance_packets_refused_total", "Packets discarded, by reason.", "vrrp_instance", "reason")
	descStray      = desc("packets_refused_total", "Packets for no instance here, by reason.", "interface", "reason")
	descDropped    = desc("frames_dropped_total", "Frames that came faster than they could be heard.")
	descFiltered   = desc("frames_filtered_total", "Frames of a flood that the kernel kept out.")
	descSendErrors = desc("instance_send_errors_total", "Advertisements that could not be sent.", "vrrp_instance")
	descLost       = desc("instance_ownership_lost_total", "Addresses removed by something else and put back.", "vrrp_instance")
	descLate       = desc("instance_late_wakeups_total", "Timers more than one interval late.", "vrrp_instance")
	descFaults     = desc("instance_faults", "Live faults.", "vrrp_instance")
	descNotify     = desc("notify_failures_total", "Notification calls that failed.", "vrrp_instance", "target")
	descGroupState = desc("sync_group_state", "State: 0 INIT, 1 BACKUP, 2 MASTER, 3 FAULT.", "group")
	descGroupCalls = desc("sync_group_notify_failures_total", "Notification calls of a sync-group that failed.", "group", "target")
	descWanted     = desc("instance_configured_priority", "Configured priority.", "vrrp_instance")
	descSince      = desc("instance_last_transition_timestamp_seconds", "When the state was entered, in Unix time.", "vrrp_instance")
	descLateness   = desc("instance_max_lateness_seconds", "The longest a timer was late.", "vrrp_instance")
	descFailed     = desc("instance_action_errors_total", "Addresses, routes or announcements the kernel refused.", "vrrp_instance")
	descHeard      = desc("peer_last_advert_timestamp_seconds", "When the sender was last heard, in Unix time.", "vrrp_instance", "peer")
	descReloaded   = desc("config_last_reload_successful", "1 unless the last reload was refused.")
	descLoaded     = desc("config_load_timestamp_seconds", "When the configuration in force was read, in Unix time.")
	descHeld       = desc("claim_held", "1 while all that a cloud claim wants was read to be this node's.", "kind", "name", "claim")
	descOverdue    = desc("claim_late", "1 while a cloud claim is not held long after it should be.", "kind", "name", "claim")
	descTracker    = desc("tracker_good", "1 while the tracked object is good.", "kind", "name")
)

// Describe implements [prometheus.Collector]: the set of labels varies with
// the configuration, so the collector is unchecked.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (c collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	s, err := c.b.Status(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(descUp, err)
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, readable(labels)...)
	}
	count := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), readable(labels)...)
	}
	gauge(descUp, 1, s.Node, s.Software)
	gauge(descReloaded, oneIf(s.Config.LastReload == ""))
	gauge(descLoaded, unix(s.Config.LoadedAt))
	count(descDropped, s.FramesDropped)
	count(descFiltered, s.FramesFiltered)
	for iface, reasons := range s.Refused {
		for reason, n := range reasons {
			count(descStray, n, iface, reason)
		}
	}
	for _, t := range s.Trackers {
		gauge(descTracker, oneIf(t.Known && t.Good), t.Kind, t.Name)
	}
	for _, i := range s.Instances {
		instanceMetrics(&i, gauge, count)
	}
	for _, g := range s.SyncGroups {
		gauge(descGroupState, stateNumber(g.State), g.Name)
		for target, n := range failures(g.Notify) {
			count(descGroupCalls, n, g.Name, target)
		}
		claimMetrics("sync_group", g.Name, g.Claim, gauge)
	}
}

type (
	gauging  func(d *prometheus.Desc, v float64, labels ...string)
	counting func(d *prometheus.Desc, v uint64, labels ...string)
)

func instanceMetrics(i *Instance, gauge gauging, count counting) {
	gauge(descState, stateNumber(i.State), i.Name, i.Interface, strconv.Itoa(i.VRID), i.Family)
	gauge(descSince, unix(i.Since), i.Name)
	gauge(descPriority, float64(i.Priority.Effective), i.Name)
	gauge(descWanted, float64(i.Priority.Configured), i.Name)
	gauge(descFaults, float64(len(i.Faults)), i.Name)
	count(descChanges, i.Transitions, i.Name)
	count(descSent, i.Counters.AdvertsSent, i.Name)
	count(descReceived, i.Counters.AdvertsReceived, i.Name)
	count(descSendErrors, i.Counters.SendErrors, i.Name)
	count(descFailed, i.Counters.ActionErrors, i.Name)
	count(descLost, i.Counters.OwnershipLost, i.Name)
	count(descLate, i.Counters.LateWakeups, i.Name)
	gauge(descLateness, i.Counters.MaxLateness, i.Name)
	for reason, n := range i.Counters.Refused {
		count(descRefused, n, i.Name, reason)
	}
	for _, p := range i.Peers {
		if p.LastHeard != nil {
			gauge(descHeard, unix(*p.LastHeard), i.Name, p.Address)
		}
	}
	for target, n := range failures(i.Notify) {
		count(descNotify, n, i.Name, target)
	}
	claimMetrics("instance", i.Name, i.Claim, gauge)
}

func claimMetrics(kind, name string, field json.RawMessage, gauge gauging) {
	claims, err := Claims(field)
	if err != nil {
		return // the daemon wrote it: it can be read
	}
	for _, c := range claims {
		short := strings.TrimPrefix(c.Name, name+"/")
		gauge(descHeld, oneIf(c.Held()), kind, name, short)
		gauge(descOverdue, oneIf(c.Late), kind, name, short)
	}
}

// failures adds up targets of one name: there may be two pipes.
func failures(of []Notification) map[string]uint64 {
	sum := map[string]uint64{}
	for _, n := range of {
		sum[n.Target] += n.Failures
	}
	return sum
}

// readable makes labels of names that are not UTF-8, which a label must be.
func readable(labels []string) []string {
	for i, l := range labels {
		labels[i] = strings.ToValidUTF8(l, "\uFFFD")
	}
	return labels
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

func stateNumber(s string) float64 {
	return map[string]float64{"INIT": 0, "BACKUP": 1, "MASTER": 2, "FAULT": 3}[s]
}
