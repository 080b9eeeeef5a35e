// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/notify"
)

// TestEncryption: mail goes out encrypted to a server that can be trusted, or not at all.
func TestEncryption(t *testing.T) {
	authority := httptest.NewTLSServer(nil)
	t.Cleanup(authority.Close)
	roots := x509.NewCertPool()
	roots.AddCert(authority.Certificate())
	certificate := &tls.Config{Certificates: authority.TLS.Certificates}
	for _, c := range []struct {
		name       string
		encryption Encryption
		server     *tls.Config // of the relay's STARTTLS
		implicit   bool        // the relay speaks TLS from the first byte
		roots      *x509.CertPool
		fails      string
	}{
		{"STARTTLS", StartTLS, certificate, false, roots, ""},
		{"STARTTLS, not offered", StartTLS, nil, false, roots, "STARTTLS"},
		{"STARTTLS, unknown authority", StartTLS, certificate, false, x509.NewCertPool(), "certificate"},
		{"TLS", TLS, nil, true, roots, ""},
		{"TLS, unknown authority", TLS, nil, true, x509.NewCertPool(), "certificate"},
		{"clear", Clear, certificate, false, roots, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRelay(t)
			r.secure = c.server
			made, err := New(Config{Server: r.address, From: "a@example.org", To: []string{"b@example.org"}, Encryption: c.encryption})
			if err != nil {
				t.Fatal(err)
			}
			m := made.(*target)
			m.roots = c.roots
			if c.implicit {
				m.dial = func(context.Context, string, string) (net.Conn, error) {
					ours, theirs := net.Pipe()
					go r.talk(tls.Server(theirs, certificate))
					return ours, nil
				}
			}
			out := m.Notify(t.Context(), notify.Event{Kind: notify.Instance, Name: "VI", State: notify.Master})
			lines, mails := r.seen()
			switch {
			case c.fails == "" && (out.Err != nil || len(mails) != 1):
				t.Errorf("%v, %d mails after %q", out.Err, len(mails), lines)
			case c.fails != "" && (out.Err == nil || !strings.Contains(out.Err.Error(), c.fails) || len(mails) != 0):
				t.Errorf("%v, %d mails, want %q", out.Err, len(mails), c.fails)
			}
			for _, line := range lines {
				if c.fails != "" && strings.HasPrefix(line, "MAIL") {
					t.Error("the sender was told in clear")
				}
			}
		})
	}
}
