// SPDX-License-Identifier: Apache-2.0

package procwatch

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// The process connector, from linux/connector.h and linux/cn_proc.h. All numbers
// are in the machine's byte order.
const (
	cnIdxProc, cnValProc = 1, 1
	cnHeader             = 20 // idx, val, seq, ack uint32; len, flags uint16
	mcastListen          = 1

	eventNone = 0 // answers mcastListen
	eventFork = 1
	eventExec = 2
	eventComm = 0x200
	eventExit = 0x80000000
	// eventData is where the data of an event begins: what, cpu uint32; time uint64.
	eventData = 16
)

const (
	// answerWait bounds the wait for the kernel's answer to mcastListen. In a
	// container with its own process numbers it never comes.
	answerWait = time.Second
	// receiveBuffer holds what a burst of forks brings while a batch is looked at.
	receiveBuffer = 1 << 20
)

// connector is the [source] of a machine whose kernel tells of processes.
func connector(ctx context.Context, ready func(), yield func([]change)) error {
	f, err := openConnector()
	if err != nil {
		return err
	}
	defer f.Close()
	stop := context.AfterFunc(ctx, func() { f.Close() })
	defer stop()
	if _, err := f.Write(listenRequest(os.Getpid())); err != nil {
		return fmt.Errorf("process connector: %w", err)
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return fmt.Errorf("process connector: %w", err)
	}
	if err := f.SetReadDeadline(time.Now().Add(answerWait)); err != nil {
		return fmt.Errorf("process connector: %w", err)
	}
	buf := make([]byte, 64*1024)
	listening := false
	for {
		var n int
		var from unix.Sockaddr
		var got error
		err := conn.Read(func(fd uintptr) bool {
			n, from, got = unix.Recvfrom(int(fd), buf, 0)
			return !errors.Is(got, unix.EAGAIN)
		})
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return errors.New("process connector: no answer (a container?)")
		case err != nil:
			return fmt.Errorf("process connector: %w", err)
		case errors.Is(got, unix.ENOBUFS):
			return errLost
		case errors.Is(got, unix.EINTR):
			continue
		case got != nil:
			return fmt.Errorf("process connector: %w", got)
		}
		if nl, ok := from.(*unix.SockaddrNetlink); !ok || nl.Pid != 0 {
			continue // not from the kernel
		}
		batch, answers := parseEvents(buf[:n])
		if !listening && len(answers) > 0 {
			if answers[0] != 0 {
				return fmt.Errorf("process connector: %w", unix.Errno(answers[0]))
			}
			if err := f.SetReadDeadline(time.Time{}); err != nil {
				return fmt.Errorf("process connector: %w", err)
			}
			listening = true
			ready()
		}
		if len(batch) > 0 {
			yield(batch)
		}
	}
}

func openConnector() (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_CONNECTOR)
	if err != nil {
		return nil, fmt.Errorf("process connector: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: cnIdxProc}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("process connector: %w", err)
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		// Without the privilege the kernel's limit applies; losses are noticed.
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	}
	return os.NewFile(uintptr(fd), "process connector"), nil
}

func listenRequest(pid int) []byte {
	const size = unix.SizeofNlMsghdr + cnHeader + 4
	e := binary.NativeEndian
	b := e.AppendUint32(nil, size)
	b = e.AppendUint16(b, unix.NLMSG_DONE)
	b = e.AppendUint16(b, 0)           // flags
	b = e.AppendUint32(b, 0)           // sequence
	b = e.AppendUint32(b, uint32(pid)) // sender
	b = e.AppendUint32(b, cnIdxProc)
	b = e.AppendUint32(b, cnValProc)
	b = e.AppendUint32(b, 0) // sequence
	b = e.AppendUint32(b, 0) // acknowledged
	b = e.AppendUint16(b, 4) // length of what follows
	b = e.AppendUint16(b, 0) // flags
	return e.AppendUint32(b, mcastListen)
}

// parseEvents returns the changes of whole processes in a datagram, and the error
// numbers of the kernel's answers to requests, 0 for consent. Threads are left out.
func parseEvents(b []byte) (batch []change, answers []uint32) {
	e := binary.NativeEndian
	for len(b) >= unix.SizeofNlMsghdr {
		size := int(e.Uint32(b))
		if size < unix.SizeofNlMsghdr || size > len(b) {
			return batch, answers
		}
		body := b[unix.SizeofNlMsghdr:size]
		b = b[min((size+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1), len(b)):]
		if len(body) < cnHeader+eventData+4 || e.Uint32(body) != cnIdxProc || e.Uint32(body[4:]) != cnValProc {
			continue
		}
		what, data := e.Uint32(body[cnHeader:]), body[cnHeader+eventData:]
		if what == eventNone {
			answers = append(answers, e.Uint32(data))
			continue
		}
		if c, ok := parseChange(what, data); ok {
			batch = append(batch, c)
		}
	}
	return batch, answers
}

func parseChange(what uint32, data []byte) (change, bool) {
	e := binary.NativeEndian
	switch {
	case what == eventFork && len(data) >= 16: // parent, its process; child, its process
		pid, tgid := e.Uint32(data[8:]), e.Uint32(data[12:])
		return change{kind: forked, pid: int(tgid), parent: int(e.Uint32(data[4:]))}, pid == tgid
	case (what == eventExec || what == eventComm) && len(data) >= 8: // thread, its process
		pid, tgid := e.Uint32(data), e.Uint32(data[4:])
		return change{kind: renamed, pid: int(tgid)}, what == eventExec || pid == tgid
	case what == eventExit && len(data) >= 8:
		pid, tgid := e.Uint32(data), e.Uint32(data[4:])
		return change{kind: exited, pid: int(tgid)}, pid == tgid
	}
	return change{}, false
}
