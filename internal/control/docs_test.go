// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/vrrp"
)

// TestTroubleshooting: each reason that a status can show is explained, and
// each metric that the page names exists.
func TestTroubleshooting(t *testing.T) {
	text, err := os.ReadFile("../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for _, why := range vrrp.Refusals() {
		if !strings.Contains(page, "`"+why.String()+"`") {
			t.Errorf("no word about %s", why)
		}
	}
	metrics := map[string]bool{}
	for sample := range scrape(t, full()) {
		name, _, _ := strings.Cut(sample, "{")
		metrics[name] = true
	}
	names := regexp.MustCompile(`\bvrrpd_[a-z_]{2,}`).FindAllString(page, -1)
	if len(names) < 10 {
		t.Fatalf("only %d metrics on the page", len(names))
	}
	for _, name := range names {
		if !metrics[name] {
			t.Errorf("no metric %s", name)
		}
	}
}
