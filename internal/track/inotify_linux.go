// SPDX-License-Identifier: Apache-2.0

package track

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// inotifyMask covers the writing of a file in place, its replacement by a rename,
// its removal, and the end of the directory itself.
const inotifyMask = unix.IN_CLOSE_WRITE | unix.IN_MODIFY | unix.IN_CREATE | unix.IN_DELETE |
	unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_ATTRIB |
	unix.IN_MOVE_SELF | unix.IN_DELETE_SELF | unix.IN_ONLYDIR

// inotifyHeader is the fixed part of struct inotify_event: wd, mask, cookie, len.
const inotifyHeader = 16

var errDirectoryGone = errors.New("its directory was moved or removed")

// watchFile calls nudge when the file may have changed, until ctx is done or it
// cannot any longer. It watches the directory: a watch on the file itself would stay
// with the old file when a new one is renamed over it.
func watchFile(ctx context.Context, path string, nudge func()) error {
	dir, name := filepath.Split(path)
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return fmt.Errorf("inotify: %w", err)
	}
	f := os.NewFile(uintptr(fd), "inotify")
	defer f.Close()
	if _, err := unix.InotifyAddWatch(fd, dir, inotifyMask); err != nil {
		return fmt.Errorf("inotify: %s: %w", dir, err)
	}
	nudge() // it may have changed before the watch was there
	stop := context.AfterFunc(ctx, func() { f.Close() })
	defer stop()
	buf := make([]byte, 64*1024)
	for {
		n, err := f.Read(buf)
		if err != nil {
			return fmt.Errorf("inotify: %w", err)
		}
		touched, gone := inotifyEvents(buf[:n], name)
		if touched || gone {
			nudge()
		}
		if gone {
			return errDirectoryGone
		}
	}
}

// inotifyEvents tells whether a read from inotify mentions the name, or may have
// left it out, and whether the watched directory is gone.
func inotifyEvents(b []byte, name string) (touched, gone bool) {
	for len(b) >= inotifyHeader {
		mask := binary.NativeEndian.Uint32(b[4:])
		size := binary.NativeEndian.Uint32(b[12:])
		if uint64(size) > uint64(len(b)-inotifyHeader) {
			return true, gone
		}
		got := bytes.TrimRight(b[inotifyHeader:inotifyHeader+int(size)], "\x00")
		b = b[inotifyHeader+int(size):]
		touched = touched || string(got) == name || mask&unix.IN_Q_OVERFLOW != 0
		gone = gone || mask&(unix.IN_MOVE_SELF|unix.IN_DELETE_SELF|unix.IN_IGNORED|unix.IN_UNMOUNT) != 0
	}
	return touched, gone
}
