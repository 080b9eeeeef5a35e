// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/govrrp/vrrpd/internal/control"
)

// scrape reads the metrics as Prometheus would: NAME{label="value",…} to value.
func scrape(t *testing.T, s *control.Status) map[string]float64 {
	t.Helper()
	code, body := ask(t, &backend{status: s}, "GET", "/metrics", "")
	if code != 200 {
		t.Fatalf("%d: %s", code, body)
	}
	problems, err := promlint.New(strings.NewReader(body)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	p := expfmt.NewTextParser(model.LegacyValidation)
	families, err := p.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		t.Fatalf("%v in\n%s", err, body)
	}
	values := map[string]float64{}
	for name, f := range families {
		if f.GetHelp() == "" {
			t.Errorf("%s has no help", name)
		}
		if counter := f.GetType() == dto.MetricType_COUNTER; strings.HasPrefix(name, "vrrpd_") && counter != strings.HasSuffix(name, "_total") {
			t.Errorf("%s is a %v", name, f.GetType())
		}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				if l.GetName() == "instance" || l.GetName() == "job" {
					t.Errorf("%s: Prometheus gives the label %s itself", name, l.GetName())
				}
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			values[name+"{"+strings.Join(labels, ",")+"}"] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return values
}

func TestMetrics(t *testing.T) {
	got := scrape(t, full())
	for metric, want := range map[string]float64{
		"vrrpd_up{node=r1,software=1.2.3}":                                            1,
		"vrrpd_instance_state{family=ipv4,interface=ens3,vrid=51,vrrp_instance=VI_1}": 3,
		"vrrpd_instance_priority{vrrp_instance=VI_1}":                                 120,
		"vrrpd_instance_transitions_total{vrrp_instance=VI_1}":                        7,
		"vrrpd_instance_adverts_sent_total{vrrp_instance=VI_1}":                       1,
		"vrrpd_instance_adverts_received_total{vrrp_instance=VI_1}":                   2,
		"vrrpd_instance_packets_refused_total{reason=checksum,vrrp_instance=VI_1}":    14,
		"vrrpd_instance_packets_refused_total{reason=ttl,vrrp_instance=VI_1}":         0,
		"vrrpd_instance_send_errors_total{vrrp_instance=VI_1}":                        9,
		"vrrpd_instance_ownership_lost_total{vrrp_instance=VI_1}":                     11,
		"vrrpd_instance_late_wakeups_total{vrrp_instance=VI_1}":                       12,
		"vrrpd_instance_faults{vrrp_instance=VI_1}":                                   2,
		"vrrpd_packets_refused_total{interface=ens3,reason=vrid}":                     3,
		"vrrpd_frames_dropped_total{}":                                                6,
		"vrrpd_tracker_good{kind=script,name=chk}":                                    1,
		"vrrpd_notify_failures_total{target=notify_master,vrrp_instance=VI_1}":        2,
		"vrrpd_notify_failures_total{target=fifo,vrrp_instance=VI_1}":                 5, // both pipes
		"vrrpd_sync_group_notify_failures_total{group=VG,target=notify}":              5,
		"vrrpd_sync_group_state{group=VG}":                                            2,
		"vrrpd_config_last_reload_successful{}":                                       0,
		"vrrpd_config_load_timestamp_seconds{}":                                       float64(at(0).Unix()),
		"vrrpd_instance_configured_priority{vrrp_instance=VI_1}":                      100,
		"vrrpd_instance_last_transition_timestamp_seconds{vrrp_instance=VI_1}":        float64(at(2).Unix()),
		"vrrpd_instance_max_lateness_seconds{vrrp_instance=VI_1}":                     0.013,
		"vrrpd_instance_action_errors_total{vrrp_instance=VI_1}":                      10,
		"vrrpd_peer_last_advert_timestamp_seconds{peer=192.0.2.2,vrrp_instance=VI_1}": float64(at(1).Unix()),
		"vrrpd_claim_held{claim=oci,kind=instance,name=VI_1}":                         1,
		"vrrpd_claim_late{claim=oci,kind=instance,name=VI_1}":                         0,
		"vrrpd_claim_held{claim=oci,kind=sync_group,name=VG}":                         0,
		"vrrpd_claim_late{claim=oci,kind=sync_group,name=VG}":                         1,
	} {
		if v, ok := got[metric]; !ok || v != want {
			t.Errorf("%s is %v, there %v; want %v", metric, v, ok, want)
		}
	}
	if v, ok := got["vrrpd_peer_last_advert_timestamp_seconds{peer=192.0.2.3,vrrp_instance=VI_1}"]; ok {
		t.Errorf("a peer that was never heard was heard at %v", v)
	}
	for _, own := range []string{"go_goroutines{}", "process_open_fds{}"} {
		if got[own] == 0 {
			t.Errorf("no %s", own)
		}
	}
	if t.Failed() {
		t.Log(strings.Join(slices.Sorted(maps.Keys(got)), "\n"))
	}
}

func TestMetricsOfEachState(t *testing.T) {
	for state, want := range map[string]float64{"INIT": 0, "BACKUP": 1, "MASTER": 2, "FAULT": 3} {
		s := full()
		s.Instances[0].State = state
		got := scrape(t, s)["vrrpd_instance_state{family=ipv4,interface=ens3,vrid=51,vrrp_instance=VI_1}"]
		if got != want {
			t.Errorf("%s is %v, want %v", state, got, want)
		}
	}
}

// A tracker that has no result yet is not good.
func TestMetricsOfUnknownTracker(t *testing.T) {
	s := full()
	s.Trackers[0].Known = false
	if got := scrape(t, s)["vrrpd_tracker_good{kind=script,name=chk}"]; got != 0 {
		t.Errorf("%v", got)
	}
}

// A name may hold any bytes. A metric cannot, and a scrape must not end the daemon.
func TestMetricsOfOddNames(t *testing.T) {
	s := full()
	s.Instances[0].Name = "caf\xe9 \"x\"\n"
	if _, ok := scrape(t, s)["vrrpd_instance_priority{vrrp_instance=caf\uFFFD \"x\"\n}"]; !ok {
		t.Error("the instance is missing")
	}
}

func TestMetricsOfStoppedDaemon(t *testing.T) {
	code, body := ask(t, &backend{err: errors.New("stopped")}, "GET", "/metrics", "")
	if code != 500 || !strings.Contains(body, "stopped") {
		t.Errorf("%d %s", code, body)
	}
}
