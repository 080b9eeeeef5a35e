// SPDX-License-Identifier: Apache-2.0

package script

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/govrrp/vrrpd/internal/testnet/require"
)

func TestUserGroupAndGroupsAreDropped(t *testing.T) {
	require.Need(t, require.Root)
	u, err := LookupUser("nobody", "")
	if err != nil {
		t.Fatal(err)
	}
	u.Groups = []uint32{12345}
	r := Command{Argv: []string{"/bin/sh", "-c", "id -u; id -g; id -G; echo $USER; umask >/dev/null; grep CapEff /proc/self/status"}, User: &u}.Run(t.Context())
	gid := strconv.Itoa(int(u.GID))
	want := []string{strconv.Itoa(int(u.UID)), gid, gid + " 12345", "nobody", "CapEff: 0000000000000000"}
	if got := strings.Split(r.Output, "\n"); r.Err != nil || strings.Join(got, ";") != strings.Join(want, ";") {
		t.Errorf("got  %q (%v)\nwant %q", got, r.Err, want)
	}
}

// TestRootOfAUserNamespaceIsEnough runs a script as user 0 where groups cannot be set.
func TestRootOfAUserNamespaceIsEnough(t *testing.T) {
	const inside = "VRRPD_TEST_USER_NAMESPACE"
	if os.Getenv(inside) != "" {
		r := Command{Argv: []string{"id", "-u"}, User: &User{}}.Run(t.Context())
		if r.Err != nil || r.Output != "0" {
			t.Errorf("got %q, %v", r.Output, r.Err)
		}
		return
	}
	require.Need(t, require.NetNS)
	c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	c.Env = append(os.Environ(), inside+"=1")
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}},
	}
	out, err := c.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.Missing(t, require.NetNS, err)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestLookupUser(t *testing.T) {
	for _, name := range []string{"root", "0"} {
		if u, err := LookupUser(name, "0"); err != nil || u.UID != 0 || u.GID != 0 || u.Name != "root" {
			t.Errorf("%s: got %+v, %v", name, u, err)
		}
	}
	if _, err := LookupUser("no-such-user", ""); err == nil {
		t.Error("unknown user accepted")
	}
	if _, err := LookupUser("root", "no-such-group"); err == nil {
		t.Error("unknown group accepted")
	}
}

// unsafeTree makes a safe script and lets spoil change something about its path.
func unsafeTree(t *testing.T, spoil func(dir, path string) (string, error)) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "vrrpd-safe-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	sub := filepath.Join(dir, "sub")
	path := filepath.Join(sub, "script.sh")
	err = errors.Join(os.Chmod(dir, 0o755), os.Mkdir(sub, 0o755), os.WriteFile(path, []byte("#!/bin/sh\necho ran\n"), 0o755))
	if err != nil {
		t.Fatal(err)
	}
	if path, err = spoil(dir, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRefuseWhatOthersMayChange(t *testing.T) {
	require.Need(t, require.Root)
	if st, err := os.Stat("/tmp"); err != nil || st.Mode()&os.ModeSticky == 0 {
		require.Missing(t, require.Root, errors.New("/tmp has no sticky bit"))
	}
	for _, tc := range []struct {
		name  string
		spoil func(dir, path string) (string, error)
		safe  bool
	}{
		{"nothing wrong", func(_, p string) (string, error) { return p, nil }, true},
		{"world writable file", func(_, p string) (string, error) { return p, os.Chmod(p, 0o777) }, false},
		{"group writable file", func(_, p string) (string, error) {
			return p, errors.Join(os.Chown(p, 0, 12345), os.Chmod(p, 0o775))
		}, false},
		{"file of another user", func(_, p string) (string, error) { return p, os.Chown(p, 12345, 0) }, false},
		{"writable directory", func(d, p string) (string, error) { return p, os.Chmod(d, 0o777) }, false},
		{"directory of another user", func(d, p string) (string, error) { return p, os.Chown(d, 12345, 0) }, false},
		{"link in a safe place", func(d, p string) (string, error) {
			return d + "/link", os.Symlink("sub/../sub/script.sh", d+"/link")
		}, true},
		{"link of another user", func(d, p string) (string, error) {
			return d + "/link", errors.Join(os.Symlink(p, d+"/link"), os.Lchown(d+"/link", 12345, 0))
		}, false},
		{"link in a writable directory", func(d, p string) (string, error) {
			open := d + "/open"
			return open + "/link", errors.Join(os.Mkdir(open, 0o755), os.Chmod(open, 0o777), os.Symlink(p, open+"/link"))
		}, false},
		{"loop of links", func(d, _ string) (string, error) { return d + "/loop", os.Symlink("loop", d+"/loop") }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := unsafeTree(t, tc.spoil)
			refusing := Command{Argv: []string{path}, Policy: Refuse}
			r := refusing.Run(t.Context())
			if (refusing.Check() == nil) != tc.safe || (r.Err == nil) != tc.safe {
				t.Errorf("check: %v, run: %v", refusing.Check(), r.Err)
			}
			if !tc.safe && r.Output != "" {
				t.Errorf("it ran: %q", r.Output)
			}
			if strings.HasPrefix(tc.name, "loop") {
				return
			}
			if r := (Command{Argv: []string{path}}).Run(t.Context()); r.Err != nil || r.Output != "ran" {
				t.Errorf("trusted: %v, %q", r.Err, r.Output)
			}
			if !tc.safe && !errors.Is(r.Err, ErrUnsafe) {
				t.Errorf("err %v does not say it is unsafe", r.Err)
			}
		})
	}
}

func TestUnprivilegedUserMayRunItsOwnScripts(t *testing.T) {
	require.Need(t, require.Root)
	u, err := LookupUser("nobody", "")
	if err != nil {
		t.Fatal(err)
	}
	path := unsafeTree(t, func(d, p string) (string, error) { return p, os.Chmod(d, 0o777) })
	if r := (Command{Argv: []string{path}, User: &u, Policy: Refuse}).Run(t.Context()); r.Err != nil {
		t.Error(r.Err)
	}
}

// TestPriorityIsNotInherited runs programs from threads that have what the daemon
// may have: a negative nice value, and real-time scheduling.
func TestPriorityIsNotInherited(t *testing.T) {
	require.Need(t, require.Root)
	show := Command{Argv: []string{"cat", "/proc/self/stat"}}
	for _, tc := range []struct {
		name string
		attr unix.SchedAttr
	}{
		{"nice", unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Nice: -7}},
		{"fifo", unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 5}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var refused, restored error
			var after *unix.SchedAttr
			var r Result
			done := make(chan struct{})
			go func() {
				defer close(done)
				runtime.LockOSThread() // never unlocked: nobody else shall have this thread
				if refused = unix.SchedSetAttr(0, &tc.attr, 0); refused != nil {
					return
				}
				restore, err := schedulingStaysHere()
				if err != nil {
					restored = err
					return
				}
				r = show.run(context.Background(), nil)
				restored = restore()
				after, _ = unix.SchedGetAttr(0, 0)
			}()
			<-done
			if refused != nil {
				require.Missing(t, require.Root, fmt.Errorf("set %s: %w", tc.name, refused))
			}
			if restored != nil {
				t.Fatal(restored)
			}
			if after.Policy != tc.attr.Policy || after.Nice != tc.attr.Nice || after.Flags&unix.SCHED_FLAG_RESET_ON_FORK != 0 {
				t.Errorf("the thread was changed: %+v", after)
			}
			// proc(5): priority, nice are fields 18, 19; rt_priority, policy 40, 41.
			f := strings.Fields(r.Output[strings.LastIndexByte(r.Output, ')')+1:])
			if r.Err != nil || f[16] != "0" || f[37] != "0" || f[38] != "0" {
				t.Errorf("nice %s, rt_priority %s, policy %s, err %v; want 0, 0, 0", f[16], f[37], f[38], r.Err)
			}
		})
	}
}

const helperEnv = "VRRPD_TEST_DEATH_HELPER"

// TestProgramEndsWithTheDaemon kills a process that runs a script and expects the
// script to end too.
func TestProgramEndsWithTheDaemon(t *testing.T) {
	if path := os.Getenv(helperEnv); path != "" {
		Command{Argv: []string{"/bin/sh", "-c", "echo $$ >" + path + "; exec sleep 60"}}.Run(t.Context())
		return
	}
	pipe := filepath.Join(t.TempDir(), "pid")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	helper := exec.Command(os.Args[0], "-test.run=^TestProgramEndsWithTheDaemon$")
	helper.Env = append(os.Environ(), helperEnv+"="+pipe)
	if err := helper.Start(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(pipe)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := helper.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = helper.Wait()
	n, err := 0, error(unix.EINTR)
	for errors.Is(err, unix.EINTR) {
		n, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int((30 * time.Second).Milliseconds()))
	}
	if n != 1 {
		t.Errorf("the script outlived its daemon (poll: %d, %v)", n, err)
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}
