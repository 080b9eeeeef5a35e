// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/govrrp/vrrpd/notify"
)

// A relay accepts mail and keeps it.
type relay struct {
	address string
	refuse  string      // command that is answered with an error
	secure  *tls.Config // for STARTTLS; nil = not offered

	mu    sync.Mutex
	lines []string // commands
	mails []string
}

func newRelay(t *testing.T) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{address: l.Addr().String()}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { r.talk(c) })
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return r
}

func (r *relay) talk(c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	in := bufio.NewReader(c)
	fmt.Fprint(c, "220 relay\r\n")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		r.mu.Lock()
		r.lines = append(r.lines, line)
		refused := r.refuse != "" && strings.HasPrefix(line, r.refuse)
		r.mu.Unlock()
		switch verb, _, _ := strings.Cut(line, " "); {
		case refused:
			fmt.Fprint(c, "550 no\r\n")
		case verb == "EHLO" && r.secure != nil:
			fmt.Fprint(c, "250-relay\r\n250 STARTTLS\r\n")
		case verb == "STARTTLS" && r.secure != nil:
			fmt.Fprint(c, "220 go\r\n")
			c = tls.Server(c, r.secure)
			in = bufio.NewReader(c)
		case verb == "DATA":
			fmt.Fprint(c, "354 go\r\n")
			var text strings.Builder
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				text.WriteString(line)
			}
			r.mu.Lock()
			r.mails = append(r.mails, text.String())
			r.mu.Unlock()
			fmt.Fprint(c, "250 ok\r\n")
		case verb == "QUIT":
			fmt.Fprint(c, "221 bye\r\n")
			return
		default:
			fmt.Fprint(c, "250 ok\r\n")
		}
	}
}

// seen returns the commands and the mails so far.
func (r *relay) seen() (lines, mails []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines), slices.Clone(r.mails)
}

func (r *relay) refuses(command string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse = command
}

func (r *relay) target(t *testing.T, change func(*Config)) notify.Target {
	t.Helper()
	c := Config{
		Server: r.address, From: "vrrpd@r1.example", To: []string{"noc@example", "Älter <boss@example>"},
		RouterID: "r1", Hello: "r1.example",
	}
	if change != nil {
		change(&c)
	}
	target, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func event(name string, s notify.State) notify.Event {
	return notify.Event{
		Kind: notify.Instance, Name: name, State: s, Previous: notify.Backup, Priority: 150,
		Reason: "master down\r\nBcc: all@example", At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
}

func TestOneMail(t *testing.T) {
	r := newRelay(t)
	o := r.target(t, nil).Notify(t.Context(), event("VI_1\r\nX-Evil: 1", notify.Master))
	if o.Err != nil {
		t.Fatal(o.Err)
	}
	want := []string{"EHLO r1.example", "MAIL FROM:<vrrpd@r1.example>", "RCPT TO:<noc@example>", "RCPT TO:<boss@example>", "DATA", "QUIT"}
	lines, mails := r.seen()
	if !slices.Equal(lines, want) || len(mails) != 1 {
		t.Fatalf("got %q, %d mails", lines, len(mails))
	}
	m, err := mail.ReadMessage(strings.NewReader(mails[0]))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if want := "[r1] VRRP Instance VI_1  X-Evil: 1 - Entering MASTER state"; err != nil || subject != want {
		t.Errorf("subject %q, %v", subject, err)
	}
	if m.Header.Get("X-Evil") != "" || m.Header.Get("Bcc") != "" {
		t.Error("a header was smuggled in")
	}
	if to, err := m.Header.AddressList("To"); err != nil || len(to) != 2 || to[1].Name != "Älter" {
		t.Errorf("To: %v, %v", to, err)
	}
	if date, err := m.Header.Date(); err != nil || date.Unix() != event("", "").At.Unix() {
		t.Errorf("Date: %v, %v", date, err)
	}
	text, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	wantText := "instance VI_1  X-Evil: 1 on r1 is now MASTER.\r\n\r\nprevious state: BACKUP\r\n" +
		"reason: master down  Bcc: all@example\r\ntime: 2026-01-02T03:04:05Z\r\npriority: 150\r\n"
	if err != nil || string(text) != wantText {
		t.Errorf("body %q, %v", text, err)
	}
}

func TestOnlyChangesAreMailed(t *testing.T) {
	r := newRelay(t)
	target := r.target(t, nil)
	group := event("VI", notify.Fault)
	group.Kind = notify.Group
	for _, e := range []notify.Event{
		event("VI", notify.Master), event("VI", notify.Master), event("VI", notify.RxLowerPri),
		event("other", notify.Master), event("VI", notify.Backup), event("VI", notify.Master), group,
		event("VI", notify.Stop), event("other", notify.Removed),
	} {
		if o := target.Notify(t.Context(), e); o.Err != nil {
			t.Error(o.Err)
		}
	}
	var got []string
	_, mails := r.seen()
	for _, text := range mails {
		m, err := mail.ReadMessage(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.TrimPrefix(m.Header.Get("Subject"), "[r1] VRRP "))
	}
	want := []string{
		"Instance VI - Entering MASTER state", "Instance other - Entering MASTER state",
		"Instance VI - Entering BACKUP state", "Instance VI - Entering MASTER state", "Group VI - Entering FAULT state",
		"Instance VI - Stopping", "Instance other - Deleted",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestRefusalIsReportedAndTheNextMailTriesAgain(t *testing.T) {
	r := newRelay(t)
	target := r.target(t, nil)
	for _, tc := range []struct {
		refuse, err string
		mails       int
	}{
		{"RCPT", "recipient noc@example: 550", 0},
		{"DATA", "550", 0},
		{"RCPT TO:<boss@example>", "recipient boss@example: 550", 1}, // the others get theirs
		{"", "", 1}, // told already
	} {
		r.refuses(tc.refuse)
		o := target.Notify(t.Context(), event("VI", notify.Master))
		_, mails := r.seen()
		if (tc.err == "") != (o.Err == nil) || o.Err != nil && !strings.Contains(o.Err.Error(), tc.err) || len(mails) != tc.mails {
			t.Errorf("refusing %q: %v, %d mails", tc.refuse, o.Err, len(mails))
		}
	}
}

func TestOneTargetInSeveralLanes(t *testing.T) {
	r := newRelay(t)
	target := r.target(t, nil)
	d := notify.New(nil)
	var lanes []notify.Lane
	for _, name := range []string{"A", "B", "C", "D"} {
		lanes = append(lanes, notify.Lane{Name: name, Subject: notify.Subject{Name: name}, Hooks: []notify.Hook{{Target: target}}})
	}
	if err := d.Set(lanes); err != nil {
		t.Fatal(err)
	}
	for _, l := range lanes {
		d.Post(event(l.Name, notify.Master))
	}
	if err := d.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, mails := r.seen(); len(mails) != len(lanes) {
		t.Errorf("%d mails", len(mails))
	}
}

func TestSilentRelayIsBounded(t *testing.T) {
	for name, dial := range map[string]func(context.Context, string, string) (net.Conn, error){
		"no answer to SYN": func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
		"no greeting": func(context.Context, string, string) (net.Conn, error) {
			ours, _ := net.Pipe()
			return ours, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tg := (&relay{address: "192.0.2.1:25"}).target(t, nil).(*target)
				tg.dial = dial
				began := time.Now()
				if o := tg.Notify(t.Context(), event("VI", notify.Master)); o.Err == nil {
					t.Error("no error")
				}
				if took := time.Since(began); took != 30*time.Second {
					t.Errorf("took %v", took)
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Second, func() { cancel(notify.ErrSuperseded) })
				began = time.Now()
				o := tg.Notify(ctx, event("VI", notify.Master))
				if took := time.Since(began); took != time.Second {
					t.Errorf("took %v after the end of the context", took)
				}
				if name == "no greeting" && !errors.Is(o.Err, notify.ErrSuperseded) {
					t.Errorf("got %v", o.Err)
				}
			})
		})
	}
}

func TestBadConfiguration(t *testing.T) {
	for want, c := range map[string]Config{
		"none given":       {To: []string{"a@b"}},
		"no recipients":    {Server: "x"},
		"recipient":        {Server: "x", To: []string{"a@b\r\nRCPT TO:<c@d>"}},
		"sender":           {Server: "x", To: []string{"a@b"}, From: "nobody at all"},
		"needs HOST:PORT":  {Server: ":25", To: []string{"a@b"}},
		`smtp server "x:"`: {Server: "x:", To: []string{"a@b"}},
	} {
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	for in, want := range map[string]string{"relay": "relay:25", "relay:587": "relay:587", "::1": "[::1]:25", "[::1]:26": "[::1]:26", "[::1]": "[::1]:25"} {
		if got, err := withPort(in); got != want || err != nil {
			t.Errorf("%s: got %s, %v", in, got, err)
		}
	}
}
