// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// line is a line of /proc/net/route, whose addresses are numbers in the
// machine's byte order.
func line(dest, gateway, mask string) string {
	hex := func(s string) string {
		a := netip.MustParseAddr(s).As4()
		return fmt.Sprintf("%08X", binary.NativeEndian.Uint32(a[:]))
	}
	return "eth0\t" + hex(dest) + "\t" + hex(gateway) + "\t0003\t0\t0\t100\t" + hex(mask) + "\t0\t0\t0\n"
}

func TestDefaultGateway(t *testing.T) {
	const head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
	for name, tc := range map[string]struct{ table, want string }{
		"one":          {head + line("10.0.0.0", "0.0.0.0", "255.255.255.0") + line("0.0.0.0", "10.0.0.1", "0.0.0.0"), "10.0.0.1"},
		"half a world": {head + line("0.0.0.0", "10.0.0.7", "128.0.0.0") + line("0.0.0.0", "10.0.0.1", "0.0.0.0"), "10.0.0.1"},
		"on the link":  {head + line("0.0.0.0", "0.0.0.0", "0.0.0.0"), ""},
		"none":         {head, ""},
		"empty":        {"", ""},
		"garbage":      {head + "eth0\t00000000\tXYZ\t3\t0\t0\t0\t00000000\n", ""},
	} {
		got, err := defaultGateway(strings.NewReader(tc.table))
		switch {
		case tc.want == "" && !errors.Is(err, errNoGateway):
			t.Errorf("%s: %v, %v", name, got, err)
		case tc.want != "" && (err != nil || got.String() != tc.want):
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
