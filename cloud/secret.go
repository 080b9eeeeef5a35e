// SPDX-License-Identifier: Apache-2.0

package cloud

import "log/slog"

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

// MarshalText encodes a placeholder, for JSON and its relatives.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer with a placeholder.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
