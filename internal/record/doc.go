// SPDX-License-Identifier: Apache-2.0

// Package record keeps what an engine was told, so that an incident can be
// looked at again, decision by decision, on another machine and another day.
//
//	rec, err := record.Create("/var/lib/vrrpd/record.jsonl", cfg, 64<<20)
//	ports.Record = rec.Record // runner: sees every input before the engine
//	…
//	err = record.Replay(file, os.Stdout)
//
// A recording is text, one JSON object a line: the configuration, then every
// input with its time. Passwords and keys are replaced by public ones, in the
// configuration and in the packets alike and so that what was accepted is
// still accepted: a recording can be shown to strangers as far as secrets go.
// It does contain addresses.
//
// Recording never holds up the engine: lines that the disk is too slow for are
// dropped, and the recording says how many.
package record
