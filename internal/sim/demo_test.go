// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func TestDemo(t *testing.T) {
	var out strings.Builder
	var paced time.Duration
	if err := Demo(&out, func(d time.Duration) error { paced += d; return nil }); err != nil {
		t.Fatal(err)
	}
	if testing.Verbose() {
		os.Stdout.WriteString(out.String())
	}
	if paced != demoEnd {
		t.Errorf("it takes %v, want %v", paced, demoEnd)
	}
	for _, want := range []string{"A  gateway BACKUP -> MASTER", "A  loses power", "B  gateway BACKUP -> MASTER (master down)", "(preempting)", "(master resigned)", "client: B answers"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the story lacks %q:\n%s", want, out.String())
		}
	}
	stop := errors.New("enough")
	if err := Demo(&out, func(time.Duration) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error %v, want the one of pace", err)
	}
}
