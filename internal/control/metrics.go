// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
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

var (
	descUp         = desc("up", "1 while the daemon answers.", "node", "software")
	descState      = desc("instance_state", "State: 0 INIT, 1 BACKUP, 2 MASTER, 3 FAULT.", "instance", "interface", "vrid", "family")
	descPriority   = desc("instance_priority", "Effective priority.", "instance")
	descChanges    = desc("instance_transitions_total", "State changes.", "instance")
	descSent       = desc("instance_adverts_sent_total", "Advertisements sent.", "instance")
	descReceived   = desc("instance_adverts_received_total", "Advertisements accepted.", "instance")
	descRefused    = desc("instance_packets_refused_total", "Packets discarded, by reason.", "instance", "reason")
	descStray      = desc("packets_refused_total", "Packets for no instance here, by reason.", "interface", "reason")
	descDropped    = desc("frames_dropped_total", "Frames that came faster than they could be heard.")
	descSendErrors = desc("instance_send_errors_total", "Advertisements that could not be sent.", "instance")
	descLost       = desc("instance_ownership_lost_total", "Addresses removed by something else and put back.", "instance")
	descLate       = desc("instance_late_wakeups_total", "Timers more than one interval late.", "instance")
	descFaults     = desc("instance_faults", "Live faults.", "instance")
	descNotify     = desc("notify_failures_total", "Notification calls that failed.", "instance", "target")
	descGroupState = desc("sync_group_state", "State: 0 INIT, 1 BACKUP, 2 MASTER, 3 FAULT.", "group")
	descGroupCalls = desc("sync_group_notify_failures_total", "Notification calls of a sync-group that failed.", "group", "target")
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
	count(descDropped, s.FramesDropped)
	for iface, reasons := range s.Refused {
		for reason, n := range reasons {
			count(descStray, n, iface, reason)
		}
	}
	for _, t := range s.Trackers {
		gauge(descTracker, oneIf(t.Known && t.Good), t.Kind, t.Name)
	}
	for _, i := range s.Instances {
		gauge(descState, stateNumber(i.State), i.Name, i.Interface, strconv.Itoa(i.VRID), i.Family)
		gauge(descPriority, float64(i.Priority.Effective), i.Name)
		gauge(descFaults, float64(len(i.Faults)), i.Name)
		count(descChanges, i.Transitions, i.Name)
		count(descSent, i.Counters.AdvertsSent, i.Name)
		count(descReceived, i.Counters.AdvertsReceived, i.Name)
		count(descSendErrors, i.Counters.SendErrors, i.Name)
		count(descLost, i.Counters.OwnershipLost, i.Name)
		count(descLate, i.Counters.LateWakeups, i.Name)
		for reason, n := range i.Counters.Refused {
			count(descRefused, n, i.Name, reason)
		}
		for target, n := range failures(i.Notify) {
			count(descNotify, n, i.Name, target)
		}
	}
	for _, g := range s.SyncGroups {
		gauge(descGroupState, stateNumber(g.State), g.Name)
		for target, n := range failures(g.Notify) {
			count(descGroupCalls, n, g.Name, target)
		}
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

func stateNumber(s string) float64 {
	return map[string]float64{"INIT": 0, "BACKUP": 1, "MASTER": 2, "FAULT": 3}[s]
}
