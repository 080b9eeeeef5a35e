// SPDX-License-Identifier: Apache-2.0

package runner

import "time"

// standardTimer is a [Timer] over time.Timer, which the Go runtime fires up to
// a millisecond late. Schedules are absolute, so that does not add up.
type standardTimer struct{ t *time.Timer }

func newStandardTimer() *standardTimer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &standardTimer{t}
}

// Reset implements [Timer].
func (s *standardTimer) Reset(at time.Time) {
	if at.IsZero() {
		s.t.Stop()
		return
	}
	s.t.Reset(time.Until(at))
}

// C implements [Timer].
func (s *standardTimer) C() <-chan time.Time { return s.t.C }

// Close implements [Timer].
func (s *standardTimer) Close() error {
	s.t.Stop()
	return nil
}
