// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"errors"

	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/internal/track"
	"github.com/govrrp/vrrpd/internal/track/probe"
	"github.com/govrrp/vrrpd/internal/track/procwatch"
)

// trackerSpecs translates what is tracked, leaving out what nobody tracks.
func trackerSpecs(c *config.Config) ([]track.Spec, error) {
	used := usedTracks(c)
	as := newRunAs(&c.Global)
	var specs []track.Spec
	var errs []error
	for _, s := range c.Scripts {
		if !used["script "+s.Name] {
			continue
		}
		command, err := as.command(&s.Command)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		spec := track.Script{
			Name: s.Name, Command: *command, TestFile: s.TestFile,
			Interval: s.Interval, Timeout: s.Timeout, Rise: s.Rise, Fall: s.Fall,
		}
		if s.InitFail {
			spec.Initial = track.Failed
		}
		specs = append(specs, spec)
	}
	for _, f := range c.TrackFiles {
		if used["file "+f.Name] {
			specs = append(specs, track.File{Name: f.Name, Path: f.Path, Init: initFile(f), InitValue: f.InitValue})
		}
	}
	for _, p := range c.TrackProcesses {
		if used["process "+p.Name] {
			specs = append(specs, processSpec(p))
		}
	}
	for _, k := range c.Checks {
		if used["check "+k.Name] {
			specs = append(specs, checkSpec(k))
		}
	}
	return specs, errors.Join(errs...)
}

func usedTracks(c *config.Config) map[string]bool {
	used := map[string]bool{}
	mark := func(kind string, tracks []config.Track) {
		for _, t := range tracks {
			used[kind+" "+t.Name] = true
		}
	}
	for _, i := range c.Instances {
		mark("script", i.TrackScripts)
		mark("file", i.TrackFiles)
		mark("process", i.TrackProcesses)
		mark("check", i.TrackChecks)
	}
	for _, g := range c.SyncGroups {
		mark("script", g.TrackScripts)
		mark("file", g.TrackFiles)
		mark("process", g.TrackProcesses)
		mark("check", g.TrackChecks)
	}
	return used
}

func initFile(f *config.TrackFile) track.InitFile {
	switch {
	case f.Init && f.InitOverwrite:
		return track.Overwrite
	case f.Init:
		return track.IfMissing
	}
	return track.Leave
}

func processSpec(p *config.TrackProcess) track.Process {
	spec := track.Process{
		Name: p.Name,
		Match: procwatch.Match{
			Command: p.Command[0], Params: p.Command[1:], FullCommand: p.FullCommand,
		},
		Quorum: p.Quorum, QuorumMax: max(p.QuorumMax, 0),
		ForkDelay: p.ForkDelay, TerminateDelay: p.TerminateDelay,
	}
	switch p.ParamMatch {
	case "initial":
		spec.Match.Compare = procwatch.Prefix
	case "partial":
		spec.Match.Compare = procwatch.Leading
	}
	if p.Has("quorum_max") && p.QuorumMax == 0 {
		spec.Quorum, spec.Presence = 0, track.MustNotRun
	}
	return spec
}

func checkSpec(k *config.Check) track.Check {
	from := probe.From{Source: k.Source, Interface: k.Interface}
	spec := track.Check{Name: k.Name, Interval: k.Interval, Timeout: k.Timeout, Rise: k.Rise, Fall: k.Fall}
	switch k.Kind {
	case config.CheckPing:
		spec.Probe = probe.Ping{Target: k.Target, From: from}
	case config.CheckTCP:
		spec.Probe = probe.TCP{Target: k.Target, From: from}
	case config.CheckHTTP:
		spec.Probe = probe.HTTP{URL: k.Target, Status: k.Status, From: from}
	}
	if k.InitFail {
		spec.Initial = track.Failed
	}
	return spec
}
