// SPDX-License-Identifier: Apache-2.0

package netio

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Of linux/sock_diag.h; x/sys has no call for this option.
const (
	memInfoVars  = 9
	memInfoDrops = 8
)

// drops returns how many packets found a socket full.
func drops(fd int) (uint64, error) {
	var info [memInfoVars]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0, os.NewSyscallError("getsockopt", errno)
	}
	return uint64(info[memInfoDrops]), nil
}
