// SPDX-License-Identifier: Apache-2.0

// Package track watches the things priorities depend on and tells the engine
// their levels: scripts, processes, files, and checks that need no script.
//
//	trackers := track.New(log)
//	err := trackers.Set([]track.Spec{
//		track.Script{Name: "haproxy", Command: cmd, Interval: 2 * time.Second, Fall: 3},
//		track.Check{Name: "gateway", Probe: probe.Ping{Target: "192.0.2.1"}, Interval: time.Second},
//	})
//	...
//	err = trackers.Run(ctx, func(c engine.TrackChanged) { inbox <- c })
//
// Each tracker tells its first result and then every change of its level, never
// a mere repetition. The level is a judgement, after rise and fall or delays;
// what it weighs is the engine's business. [Trackers.Set] may be called at any time,
// as a reload does: a tracker whose specification has not changed goes on as it is,
// one that has gone is stopped and its program is reaped. [Trackers.Status] shows
// for each tracker the level, the last result, and what the program printed.
//
// Nothing is started before Run, and nothing runs after it returned.
//
// Interfaces are not tracked here: their state reaches the engine as
// [engine.LinkChanged], through a [Debounce] where interface_up_down_delays asks
// for one. BFD sessions are not supported.
//
// # Differences from keepalived
//
//   - A file that is missing, empty, or does not start with an integer is a fault
//     that says so. keepalived counts it as 0, which is healthy.
//   - init_fail works: the script is bad until it has succeeded rise times.
//   - A script whose program cannot be run is bad. keepalived drops it and lets the
//     instance run untracked.
//   - A process may be named by a path, or by a name longer than the 15 bytes the
//     kernel keeps. keepalived never finds these.
//   - Of a script, never two copies run at once, even if one cannot be ended.
package track
