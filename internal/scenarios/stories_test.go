// SPDX-License-Identifier: Apache-2.0

package scenarios

import (
	"fmt"
	"strings"
	"syscall"
)

// story is something that happens to a router.
type story struct {
	name string
	conf string
	// play makes it happen and returns the last line that the FIFO gets after
	// the router was told to end.
	play func(s *stage) (last string)
	// differs is what vrrpd tells instead, by who was called: docs/deviations.md.
	differs notifications
}

const (
	stopped      = `INSTANCE "VI" STOP `
	groupStopped = `GROUP "VG" STOP 0`
)

// check is a script that succeeds while a file is there.
const check = "vrrp_script chk {\n script \"/usr/bin/test -e DIR/ok\"\n interval 1\n %s\n}\n"

// twoMembers are a group over two interfaces.
var twoMembers = watchedGroup("VI\nV2") + watched("VI", 1, 100, "") + onOther(watched("V2", 2, 100, ""))

// stories cover what is said of notifications, and of what causes them.
var stories = []story{
	{
		name: "start and end", conf: watched("VI", 1, 100, ""),
		play: func(s *stage) string {
			s.heard(`"VI" MASTER`, 1)
			return stopped
		},
	},
	{
		name: "a better peer comes and resigns", conf: watchedGroup("VI") + watched("VI", 1, 100, ""),
		play: func(s *stage) string {
			s.heard(`"VG" MASTER`, 1)
			p := s.peer(instance("VI", 1, 200, ""))
			s.heard(`"VG" BACKUP`, 2)
			p.proc.Stop()
			s.heard(`"VG" MASTER`, 2)
			return groupStopped
		},
	},
	{
		name: "a better peer dies", conf: watched("VI", 1, 100, ""),
		play: func(s *stage) string {
			s.heard(`"VI" MASTER`, 1)
			p := s.peer(instance("VI", 1, 200, ""))
			s.heard(`"VI" BACKUP`, 2)
			p.proc.Kill()
			s.heard(`"VI" MASTER`, 2)
			return stopped
		},
	},
	{
		name: "end as BACKUP", conf: watched("VI", 1, 100, ""),
		play: func(s *stage) string {
			s.heard(`"VI" MASTER`, 1)
			s.peer(instance("VI", 1, 200, ""))
			s.heard(`"VI" BACKUP`, 2)
			return stopped
		},
	},
	{
		name: "nopreempt", conf: watched("VI", 1, 200, "nopreempt"),
		play: func(s *stage) string {
			s.heard(`"VI" MASTER`, 1)
			p := s.peer(instance("VI", 1, 250, ""))
			s.heard(`"VI" BACKUP`, 2)
			p.write("keepalived.conf", 0o600, patient(instance("VI", 1, 100, ""))) // lower now, but there
			p.proc.Signal(syscall.SIGHUP)
			eventually(s.t, "many adverts", func() bool { i := p.instance("VI"); return i != nil && i.Counters.AdvertsSent > 20 })
			p.proc.Stop()
			s.heard(`"VI" MASTER`, 2)
			return stopped
		},
	},
	{
		name: "a tracked script fails and recovers", conf: scripted("", "", watchedGroup("VI")),
		play: func(s *stage) string {
			s.heard(`"VG" FAULT`, 1) // from the start
			s.write("ok", 0o600, "")
			s.heard(`"VG" MASTER`, 1)
			s.host.Exec("rm", s.file("ok"))
			s.heard(`"VG" FAULT`, 2)
			s.write("ok", 0o600, "")
			s.heard(`"VG" MASTER`, 2)
			return groupStopped
		},
	},
	{
		name: "weights change the priority", conf: scripted("weight -60", "notify_priority_changes true", ""),
		play: func(s *stage) string {
			s.write("ok", 0o600, "")
			s.heard(`"VI" MASTER 100`, 1)
			s.peer(instance("VI", 1, 80, ""))
			s.host.Exec("rm", s.file("ok"))
			s.heard(`"VI" BACKUP 40`, 1)
			s.write("ok", 0o600, "")
			s.heard(`"VI" MASTER 100`, 2)
			return stopped
		},
	},
	{
		name: "a lower peer that is deaf", conf: watched("VI", 1, 100, "notify_master_rx_lower_pri \"DIR/notify.sh VI notify_master_rx_lower_pri\""),
		play: func(s *stage) string {
			s.heard(`"VI" MASTER 100`, 1)
			p := s.peer(instance("VI", 1, 50, ""))
			p.want("VI", "BACKUP")
			s.other.Lose("eth0", 112, 100)
			p.want("VI", "MASTER")
			eventually(s.t, "the FIFO and the script to tell", func() bool {
				return strings.Contains(s.read("lines"), "RX_LOWER_PRI") && strings.Contains(s.read("log"), "rx_lower_pri")
			})
			p.proc.Kill()
			return stopped
		},
	},
	{
		name: "the interface loses its carrier", conf: watched("VI", 1, 100, ""),
		play: func(s *stage) string {
			s.heard(`"VI" MASTER`, 1)
			s.host.CableOut("eth0")
			s.heard(`"VI" FAULT`, 1)
			s.host.CableIn("eth0")
			s.heard(`"VI" MASTER`, 2)
			return stopped
		},
	},
	{
		name: "the interface loses its address", conf: watched("VI", 1, 100, ""),
		play: func(s *stage) string {
			s.heard(`"VI" MASTER`, 1)
			s.host.Exec("ip", "address", "del", "192.0.2.1/24", "dev", "eth0")
			s.heard(`"VI" FAULT`, 1)
			s.host.Exec("ip", "address", "add", "192.0.2.1/24", "dev", "eth0")
			s.heard(`"VI" MASTER`, 2)
			return stopped
		},
	},
	{
		name: "a group loses one link", conf: twoMembers,
		play: func(s *stage) string {
			s.heard(`"VG" MASTER`, 1)
			s.host.CableOut("eth1")
			s.heard(`"VG" FAULT`, 1)
			s.host.CableIn("eth1")
			s.heard(`"VG" MASTER`, 2)
			return groupStopped
		},
	},
	{
		name: "a group hears a better peer on one link", conf: twoMembers,
		play: func(s *stage) string {
			s.heard(`"VG" MASTER`, 1)
			p := s.peer(instance("VI", 1, 200, ""))
			s.heard(`"VG" BACKUP`, 2)
			p.proc.Stop()
			s.heard(`"VG" MASTER`, 2)
			return groupStopped
		},
	},
	{
		name: "reload: an address more, one comes, one goes", conf: watched("VI", 1, 100, "") + watched("GONE", 2, 50, ""),
		play: func(s *stage) string {
			gone, vi := watched("GONE", 2, 50, ""), watched("VI", 1, 100, "")
			s.heard(`"VI" MASTER`, 1)
			s.heard(`"GONE" MASTER`, 1)
			vi = strings.Replace(vi, "192.0.2.101/32", "192.0.2.101/32\n192.0.2.111/32", 1)
			s.reload(vi + gone)
			s.addressed("192.0.2.111")
			s.reload(vi + gone + watched("NEW", 3, 100, ""))
			s.heard(`"NEW" MASTER`, 1)
			s.reload(vi + watched("NEW", 3, 100, ""))
			s.heard(`"GONE" FAULT`, 1)
			return `INSTANCE "NEW" STOP`
		},
	},
	{
		name: "reload takes away one with notify_deleted",
		conf: watched("VI", 1, 100, "") + watched("GONE", 2, 50, "notify_deleted \"DIR/notify.sh GONE notify_deleted\""),
		play: func(s *stage) string {
			s.heard(`"VI" MASTER`, 1)
			s.heard(`"GONE" MASTER`, 1)
			s.reload(watched("VI", 1, 100, ""))
			s.heard(`"GONE" DELETED`, 1)
			return stopped
		},
	},
	{
		name: "an address owner", conf: watched("VI", 1, 255, "state MASTER"),
		play: func(s *stage) string {
			s.heard(`"VI" MASTER`, 1)
			s.host.CableOut("eth0")
			s.heard(`"VI" FAULT`, 1)
			return stopped
		},
	},
	{
		name: "somebody removes the virtual address", conf: watched("VI", 1, 100, ""),
		play: func(s *stage) string {
			s.heard(`"VI" MASTER`, 1)
			s.host.Exec("ip", "address", "del", "192.0.2.101/32", "dev", "eth0")
			if !s.vrrpd {
				s.heard(`"VI" MASTER`, 2)
			}
			s.addressed("192.0.2.101")
			return stopped
		},
		// MASTER is able, and stays.
		differs: notifications{
			"FIFO":        {`INSTANCE "VI" BACKUP 100`, `INSTANCE "VI" MASTER 100`, `INSTANCE "VI" STOP 100`},
			"INSTANCE VI": {"INSTANCE VI BACKUP 100", "INSTANCE VI MASTER 100", "INSTANCE VI STOP 100"},
			"VI":          {"notify_backup", "notify_master", "notify_stop"},
		},
	},
}

// scripted is an instance that a script decides about, and more.
func scripted(script, lines, more string) string {
	return fmt.Sprintf(check, script) + more + watched("VI", 1, 100, lines+"\ntrack_script {\n chk\n}")
}

// onOther moves an instance to the second interface.
func onOther(conf string) string { return strings.Replace(conf, "interface eth0", "interface eth1", 1) }

// addressed waits until the router has an address.
func (s *stage) addressed(address string) {
	s.t.Helper()
	eventually(s.t, address, func() bool { return s.host.Exec("ip", "address", "show", "to", address) != "" })
}
