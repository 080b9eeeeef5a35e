// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/govrrp/vrrpd/notify"
)

// Defaults of [Config].
const (
	DefaultPort           = "25"
	DefaultConnectTimeout = 30 * time.Second
	// conversation bounds what follows the connection.
	conversation = 30 * time.Second
)

// A Config says who is written to, and how.
type Config struct {
	Server   string   // smtp_server: HOST or HOST:PORT; an IPv6 address needs brackets with a port
	From     string   // notification_email_from; empty: user@host
	To       []string // notification_email
	RouterID string   // router_id; empty: the host name
	Hello    string   // smtp_helo_name; empty: the host name
	// ConnectTimeout is smtp_connect_timeout; 0 means DefaultConnectTimeout.
	ConnectTimeout time.Duration
	Encryption     Encryption
}

// Encryption says how the way to the server is protected. With any but Clear the server
// must have a certificate for its name that the system trusts, or no mail is sent.
type Encryption int

// The ways.
const (
	Clear    Encryption = iota
	StartTLS            // RFC 3207; no mail to a server without it
	TLS                 // from the first byte (RFC 8314), on port 465 usually
)

type target struct {
	config Config
	from   *mail.Address
	to     []*mail.Address
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
	roots  *x509.CertPool // nil means the system's

	mu   sync.Mutex
	last map[notify.Subject]notify.State // of the last mail
}

// New checks the configuration and returns the target. It connects to nothing. The
// target may be in several lanes.
func New(c Config) (notify.Target, error) {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "localhost"
	}
	if c.RouterID == "" {
		c.RouterID = host
	}
	if c.Hello == "" {
		c.Hello = host
	}
	if c.From == "" {
		c.From = "vrrpd@" + host
	}
	if c.ConnectTimeout <= 0 {
		c.ConnectTimeout = DefaultConnectTimeout
	}
	t := &target{config: c, last: map[notify.Subject]notify.State{}, dial: (&net.Dialer{}).DialContext}
	if t.config.Server, err = withPort(c.Server); err != nil {
		return nil, fmt.Errorf("mail: smtp server %q: %w", c.Server, err)
	}
	if t.from, err = mail.ParseAddress(c.From); err != nil {
		return nil, fmt.Errorf("mail: sender %q: %w", c.From, err)
	}
	for _, to := range c.To {
		a, err := mail.ParseAddress(to)
		if err != nil {
			return nil, fmt.Errorf("mail: recipient %q: %w", to, err)
		}
		t.to = append(t.to, a)
	}
	if len(t.to) == 0 {
		return nil, errors.New("mail: no recipients")
	}
	return t, nil
}

func withPort(server string) (string, error) {
	if server == "" {
		return "", errors.New("none given")
	}
	if host, port, err := net.SplitHostPort(server); err == nil {
		if host == "" || port == "" {
			return "", errors.New("needs HOST:PORT")
		}
		return server, nil
	}
	return net.JoinHostPort(strings.Trim(server, "[]"), DefaultPort), nil
}

// Name implements notify.Target.
func (t *target) Name() string { return "smtp_alert" }

// Notify implements notify.Target: it sends a mail if the state is news.
func (t *target) Notify(ctx context.Context, e notify.Event) notify.Outcome {
	t.mu.Lock()
	known := t.last[e.Subject()] == e.State
	t.mu.Unlock()
	if !e.State.Lasts() || known {
		return notify.Outcome{Exit: -1}
	}
	message, err := t.compose(e)
	var refused error
	if err == nil {
		refused, err = t.send(ctx, message)
	}
	if err == nil {
		t.mu.Lock()
		t.last[e.Subject()] = e.State
		t.mu.Unlock()
		err = refused
	}
	if err != nil {
		return notify.Outcome{Exit: -1, Err: fmt.Errorf("mail through %s: %w", t.config.Server, err)}
	}
	return notify.Outcome{Exit: -1, Output: "mailed " + addresses(t.to)}
}

// subject is what keepalived's users have filters for.
func (t *target) subject(e notify.Event) string {
	kind := "Instance"
	if e.Kind == notify.Group {
		kind = "Group"
	}
	what := "Entering " + e.State.Word() + " state"
	switch e.State {
	case notify.Stop:
		what = "Stopping"
	case notify.Deleted, notify.Removed:
		what = "Deleted"
	}
	return fmt.Sprintf("[%s] VRRP %s %s - %s", t.config.RouterID, kind, e.Name, what)
}

// compose writes the message. Names and reasons may come from outside: no line break of
// theirs reaches a header.
func (t *target) compose(e notify.Event) ([]byte, error) {
	var b bytes.Buffer
	for _, h := range [][2]string{
		{"Date", e.At.Format("Mon, 02 Jan 2006 15:04:05 -0700")},
		{"From", t.from.String()},
		{"To", addresses(t.to)},
		{"Subject", mime.QEncoding.Encode("utf-8", flat(t.subject(e)))},
		{"Message-ID", "<" + rand.Text() + "@" + t.from.Address[strings.LastIndexByte(t.from.Address, '@')+1:] + ">"},
		{"Auto-Submitted", "auto-generated"},
		{"X-Mailer", "vrrpd"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	_, err := w.Write([]byte(strings.ReplaceAll(body(t.config.RouterID, e), "\n", "\r\n")))
	return b.Bytes(), errors.Join(err, w.Close())
}

func body(router string, e notify.Event) string {
	lines := []string{fmt.Sprintf("%s %s on %s is now %s.", strings.ToLower(string(e.Kind)), flat(e.Name), flat(router), e.State.Word()), ""}
	for _, f := range [][2]string{
		{"previous state", string(e.Previous)}, {"reason", flat(e.Reason)}, {"time", e.At.Format(time.RFC3339Nano)},
	} {
		if f[1] != "" {
			lines = append(lines, f[0]+": "+f[1])
		}
	}
	if e.Kind != notify.Group {
		lines = append(lines, fmt.Sprintf("priority: %d", e.Priority))
	}
	return strings.Join(lines, "\n") + "\n"
}

// send speaks SMTP once, bounded as a whole, and hangs up when ctx ends. Recipients that
// the relay refused are reported apart: the others have their mail.
func (t *target) send(ctx context.Context, message []byte) (refused, err error) {
	dialing, cancel := context.WithTimeout(ctx, t.config.ConnectTimeout)
	defer cancel()
	conn, err := t.dial(dialing, "tcp", t.config.Server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := conn.SetDeadline(time.Now().Add(conversation)); err != nil {
		return nil, err
	}
	refused, err = t.converse(conn, message)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return refused, err
}

func (t *target) converse(conn net.Conn, message []byte) (refused, err error) {
	host, _, err := net.SplitHostPort(t.config.Server)
	if err != nil {
		return nil, err
	}
	secure := &tls.Config{ServerName: host, RootCAs: t.roots}
	if t.config.Encryption == TLS {
		conn = tls.Client(conn, secure)
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.Hello(t.config.Hello); err != nil {
		return nil, err
	}
	if t.config.Encryption == StartTLS {
		if err := c.StartTLS(secure); err != nil {
			return nil, fmt.Errorf("STARTTLS: %w", err)
		}
	}
	if err := c.Mail(t.from.Address); err != nil {
		return nil, err
	}
	var no []error
	for _, to := range t.to {
		if err := c.Rcpt(to.Address); err != nil {
			no = append(no, fmt.Errorf("recipient %s: %w", to.Address, err))
		}
	}
	if refused = errors.Join(no...); len(no) == len(t.to) {
		return nil, refused
	}
	w, err := c.Data()
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(message); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	// The relay has taken the mail; a clumsy goodbye changes nothing.
	_ = c.Quit()
	return refused, nil
}

func addresses(list []*mail.Address) string {
	texts := make([]string, len(list))
	for i, a := range list {
		texts[i] = a.String()
	}
	return strings.Join(texts, ", ")
}

// flat puts text on one line.
func flat(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}
