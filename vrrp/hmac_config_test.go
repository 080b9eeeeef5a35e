// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

func TestHMACValidate(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*vrrp.HMAC)
		want   string // part of the error; empty = valid
	}{
		{"as is", func(*vrrp.HMAC) {}, ""},
		{"64 bytes", func(h *vrrp.HMAC) { h.Keys[0].Secret = make([]byte, 64) }, ""},
		{"window at its least", func(h *vrrp.HMAC) { h.Window = time.Second }, ""},
		{"window at its most", func(h *vrrp.HMAC) { h.Window = 300 * time.Second }, ""},
		{"31 bytes", func(h *vrrp.HMAC) { h.Keys[0].Secret = make([]byte, 31) }, "key 1 has 31 bytes"},
		{"65 bytes", func(h *vrrp.HMAC) { h.Keys[0].Secret = make([]byte, 65) }, "key 1 has 65 bytes"},
		{"key 0", func(h *vrrp.HMAC) { h.Keys[0].ID = 0 }, "must be 1…255"},
		{"one id twice", func(h *vrrp.HMAC) { h.Keys = append(h.Keys, h.Keys[0]) }, "key 1 is given twice"},
		{"no keys", func(h *vrrp.HMAC) { h.Keys = nil }, "active hmac key 1 is not configured"},
		{"active key unknown", func(h *vrrp.HMAC) { h.ActiveKey = 2 }, "active hmac key 2 is not configured"},
		{"mode", func(h *vrrp.HMAC) { h.Mode = 3 }, "mode 3"},
		{"window too small", func(h *vrrp.HMAC) { h.Window = time.Second - 1 }, "time window"},
		{"window too large", func(h *vrrp.HMAC) { h.Window = 301 * time.Second }, "time window"},
	} {
		cfg := hmacConfig()
		tc.change(&cfg)
		err := cfg.Validate()
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("%s: %v", tc.name, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s: %v, want … %s …", tc.name, err, tc.want)
		}
	}
}

func TestSecretsStayOutOfJSON(t *testing.T) {
	cfg := vrrp.Config{Password: vrrp.MakePassword("hunter2"), AuthType: vrrp.AuthPass}
	h := hmacConfig()
	h.Keys[0].Secret = []byte("correct horse battery staple etc")
	cfg.HMAC = &h
	text, err := json.Marshal(struct {
		Config vrrp.Config
		Advert vrrp.Advertisement
	}{cfg, vrrp.Advertisement{AuthData: cfg.Password}})
	if err != nil {
		t.Fatal(err)
	}
	// Base64 or a list of numbers would give it away as well.
	for _, leak := range []string{"hunter2", "correct", "aHVudGVyMg", "Y29ycmVjd", "104,117", "99,111"} {
		if strings.Contains(string(text), leak) {
			t.Errorf("JSON contains %q: %s", leak, text)
		}
	}
}

func TestAdvertisementPrintsNoPassword(t *testing.T) {
	w := wiresOf(t, vrrp.V2)[0].with(4, byte(vrrp.AuthPass)).with(16, []byte("hunter2")...)
	a := mustParse(t, w.sealed())
	const want = "VRRPv2 ipv4 vrid 51 priority 100 interval 3s addresses [192.0.2.100 192.0.2.101]"
	for _, verb := range []string{"%v", "%+v", "%s"} {
		if got := fmt.Sprintf(verb, a); got != want {
			t.Errorf("%s prints %q, want %q", verb, got, want)
		}
		if got := fmt.Sprintf(verb, &a); got != want {
			t.Errorf("%s prints %q, want %q", verb, got, want)
		}
	}
}
