// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Secret is a string that no formatter, logger or encoder will print. Keys,
// tokens and passwords are of this type from the moment they are read.
type Secret string

const redacted = "[redacted]"

// Reveal returns the secret itself, for the one place that needs it.
func (s Secret) Reveal() string { return string(s) }

// String returns a placeholder.
func (Secret) String() string { return redacted }

// GoString returns a placeholder, for %#v.
func (Secret) GoString() string { return redacted }

// Format implements fmt.Formatter with a placeholder, whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText encodes a placeholder, for JSON and its relatives.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer with a placeholder.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// AuditEntry is one line of the audit log: a mutation that was sent (or, in a
// dry run, would have been), a change of ownership, or a decision.
type AuditEntry struct {
	Time       time.Time     `json:"time"`
	Claim      string        `json:"claim"`
	Generation uint64        `json:"generation"`
	Reason     string        `json:"reason,omitempty"`
	Op         string        `json:"op"`
	Item       string        `json:"item,omitempty"`
	Resource   string        `json:"resource,omitempty"`
	Before     *AuditSide    `json:"before,omitempty"`
	After      *AuditSide    `json:"after,omitempty"`
	Status     int           `json:"status,omitempty"`
	RequestID  string        `json:"request_id,omitempty"`
	Took       time.Duration `json:"-"`
	Millis     float64       `json:"ms,omitempty"`
	Outcome    string        `json:"outcome"`
	Error      string        `json:"error,omitempty"`
}

// AuditSide is the ownership before or after.
type AuditSide struct {
	Owner   Owner  `json:"owner"`
	Holder  string `json:"holder,omitempty"`
	Version string `json:"version,omitempty"`
}

func auditSide(o Observed) *AuditSide {
	return &AuditSide{Owner: o.Owner, Holder: o.Holder, Version: o.Version}
}

// AuditLog writes entries as JSON lines. The nil *AuditLog discards them. It is
// safe for concurrent use and may be shared by several claims.
type AuditLog struct {
	mu     sync.Mutex
	w      io.Writer
	failed error
}

// NewAuditLog returns a log that writes to w.
func NewAuditLog(w io.Writer) *AuditLog { return &AuditLog{w: w} }

// OpenAuditLog opens a file for appending, creating it with mode 0600.
func OpenAuditLog(path string) (*AuditLog, io.Closer, error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("audit log: %w", err)
	}
	return NewAuditLog(f), f, nil
}

// Write appends one entry. An entry that cannot be written is lost and
// remembered in Err: an audit log that is full must not stop a failover.
func (a *AuditLog) Write(e AuditEntry) {
	if a == nil {
		return
	}
	e.Millis = float64(e.Took.Microseconds()) / 1000
	line, err := json.Marshal(e)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil {
		_, err = a.w.Write(append(line, '\n'))
	}
	if err != nil {
		a.failed = err
	}
}

// Err returns the last error of Write.
func (a *AuditLog) Err() error {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.failed
}
