// SPDX-License-Identifier: Apache-2.0

package require

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// netNS tries what the tests will do: a child in its own network and mount
// namespaces, and for ordinary users its own user namespace.
func netNS() error {
	path, err := exec.LookPath("true")
	if err != nil {
		return err
	}
	cmd := exec.Command(path)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		// Some distributions let anybody create a user namespace but deny every
		// capability inside it. Changing the root to itself needs one.
		Chroot: "/",
	}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("create a network namespace: %w", err)
	}
	return nil
}

// root starts a child as another user, with supplementary groups.
func root() error {
	if os.Geteuid() != 0 {
		return errors.New("not running as root")
	}
	path, err := exec.LookPath("true")
	if err != nil {
		return err
	}
	cmd := exec.Command(path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534, Groups: []uint32{65533}}}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("start a process as another user: %w", err)
	}
	return nil
}
