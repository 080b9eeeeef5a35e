// SPDX-License-Identifier: Apache-2.0

package host

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// iproute2 keeps its names in one of these, the first that has the file.
var nameDirs = []string{"/etc/iproute2", "/usr/share/iproute2", "/usr/lib/iproute2"}

// protocolKeepalived marks routes the VRRP daemon has made (rt_protos).
const protocolKeepalived = 18

func scopeOf(word string) (netlink.Scope, error) {
	switch word {
	case "", "global", "universe":
		return netlink.SCOPE_UNIVERSE, nil
	case "site":
		return netlink.SCOPE_SITE, nil
	case "link":
		return netlink.SCOPE_LINK, nil
	case "host":
		return netlink.SCOPE_HOST, nil
	case "nowhere":
		return netlink.SCOPE_NOWHERE, nil
	}
	n, err := number(word, "rt_scopes", 255)
	return netlink.Scope(n), err
}

func tableOf(word string) (int, error) {
	switch word {
	case "", "main":
		return unix.RT_TABLE_MAIN, nil
	case "local":
		return unix.RT_TABLE_LOCAL, nil
	case "default":
		return unix.RT_TABLE_DEFAULT, nil
	}
	return number(word, "rt_tables", 1<<32-1)
}

func protocolOf(word string) (netlink.RouteProtocol, error) {
	switch word {
	case "", "keepalived":
		return protocolKeepalived, nil
	case "kernel":
		return unix.RTPROT_KERNEL, nil
	case "boot":
		return unix.RTPROT_BOOT, nil
	case "static":
		return unix.RTPROT_STATIC, nil
	}
	n, err := number(word, "rt_protos", 255)
	return netlink.RouteProtocol(n), err
}

var routeTypes = map[string]int{
	"": unix.RTN_UNICAST, "unicast": unix.RTN_UNICAST, "local": unix.RTN_LOCAL, "broadcast": unix.RTN_BROADCAST,
	"brd": unix.RTN_BROADCAST, "multicast": unix.RTN_MULTICAST, "anycast": unix.RTN_ANYCAST,
	"blackhole": unix.RTN_BLACKHOLE, "unreachable": unix.RTN_UNREACHABLE, "prohibit": unix.RTN_PROHIBIT,
	"throw": unix.RTN_THROW, "nat": unix.RTN_NAT, "xresolve": unix.RTN_XRESOLVE,
}

// number reads a number, or looks a name up in a file of iproute2.
func number(word, file string, limit uint64) (int, error) {
	if n, err := strconv.ParseUint(word, 0, 64); err == nil {
		if n > limit {
			return 0, fmt.Errorf("%s is above %d", word, limit)
		}
		return int(n), nil
	}
	for _, dir := range nameDirs {
		files, _ := filepath.Glob(filepath.Join(dir, file+".d", "*.conf"))
		for _, path := range append([]string{filepath.Join(dir, file)}, files...) {
			if n, ok := lookUp(path, word); ok && n <= limit {
				return int(n), nil
			}
		}
	}
	return 0, fmt.Errorf("%q is neither a number nor a name in %s", word, file)
}

func lookUp(path, word string) (uint64, bool) {
	f, err := os.Open(path)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || fields[1] != word {
			continue
		}
		if n, err := strconv.ParseUint(fields[0], 0, 64); err == nil {
			return n, true
		}
	}
	return 0, false
}
