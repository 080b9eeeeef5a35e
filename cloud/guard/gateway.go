// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net/netip"
	"os"
	"strings"
)

var errNoGateway = errors.New("there is no default gateway")

// DefaultGateway asks the gateway of the IPv4 default route, whichever it is at
// that moment, by ICMP echo. Without one it is silent. Note that the gateways of
// some clouds never answer; the metadata service alone then tells whether this
// node is cut off.
func DefaultGateway(name string) Probe {
	return probe{name, Gateway, func(ctx context.Context) (Answer, error) {
		f, err := os.Open("/proc/net/route")
		if err != nil {
			return Answer{}, err
		}
		defer f.Close()
		addr, err := defaultGateway(f)
		if err != nil {
			return Answer{}, err
		}
		return ping(ctx, addr)
	}}
}

// defaultGateway reads the kernel's table: interface, destination, gateway,
// flags, … with addresses as hexadecimal numbers in the machine's byte order.
func defaultGateway(r io.Reader) (netip.Addr, error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 8 || f[1] != "00000000" || f[7] != "00000000" || f[2] == "00000000" {
			continue
		}
		b, err := hex.DecodeString(f[2])
		if err != nil || len(b) != 4 {
			continue
		}
		var a [4]byte
		binary.NativeEndian.PutUint32(a[:], binary.BigEndian.Uint32(b))
		return netip.AddrFrom4(a), nil
	}
	return netip.Addr{}, errors.Join(lines.Err(), errNoGateway)
}
