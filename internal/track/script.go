// SPDX-License-Identifier: Apache-2.0

package track

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/notify/script"
)

// Script is a program that says by its exit code whether something is well
// (vrrp_script).
type Script struct {
	Name string
	// Command is the program. Its Timeout is not used.
	Command script.Command
	// TestFile, instead of a Command, is a file that must open for reading
	// (script "</path").
	TestFile string
	Interval time.Duration // from start to start, at least 1 ms; 0 means DefaultInterval
	Timeout  time.Duration // longer than this is a failure; 0 means Interval
	Rise     int           // successes in a row to become good; 0 means 1
	Fall     int           // failures in a row to become bad; 0 means 1
	Initial  Initial
}

// Track implements [Spec].
func (s Script) Track() engine.Track {
	return engine.Track{Kind: engine.TrackScript, Name: s.Name}
}

func (s Script) schedule() schedule {
	return newSchedule(s.Interval, s.Timeout, s.Rise, s.Fall, s.Initial)
}

func (s Script) validate() error {
	err := s.schedule().validate()
	if (len(s.Command.Argv) == 0) == (s.TestFile == "") {
		err = errors.Join(err, errors.New("needs either a command or a file to open"))
	}
	return err
}

func (s Script) watch(ctx context.Context, t *tracker) {
	look := func(context.Context) Result { return openFile(s.TestFile) }
	if s.TestFile == "" {
		cmd := s.Command
		cmd.Timeout = script.Forever // the schedule ends it through the context
		look = func(ctx context.Context) Result { return scriptResult(t.owner.edge.run(ctx, cmd)) }
	}
	s.schedule().run(ctx, t, look)
}

func openFile(path string) Result {
	f, err := os.Open(path)
	if err != nil {
		return Result{Detail: cause(err)}
	}
	f.Close()
	return Result{Good: true}
}

func scriptResult(r script.Result) Result {
	out := Result{Good: r.Err == nil, Exit: r.Exit, Output: r.Output}
	switch {
	case r.Err == nil:
	case r.Exit > 0:
		out.Detail = "exit " + strconv.Itoa(r.Exit)
	default:
		out.Detail = r.Err.Error()
	}
	return out
}

// cause returns what the system said, without the path, which the reader knows.
func cause(err error) string {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err.Error()
	}
	return err.Error()
}
