// SPDX-License-Identifier: Apache-2.0

package script

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// maxLinks is the kernel's own limit on symbolic links in one path.
const maxLinks = 40

// executable checks what can be known without becoming the user.
func executable(path string, u *User) error {
	st, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, errors.Unwrap(err))
	}
	if !st.Mode().IsRegular() {
		return fmt.Errorf("%s: not a regular file: %w", path, fs.ErrPermission)
	}
	if !mayExecute(st, u) {
		return fmt.Errorf("%s: not executable: %w", path, fs.ErrPermission)
	}
	return nil
}

func mayExecute(st fs.FileInfo, u *User) bool {
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return true
	}
	uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
	var groups []uint32
	if u != nil {
		uid, gid, groups = u.UID, u.GID, u.Groups
	} else if own, err := os.Getgroups(); err == nil {
		for _, g := range own {
			groups = append(groups, uint32(g))
		}
	}
	mode := st.Mode().Perm()
	switch {
	case uid == 0:
		return mode&0o111 != 0
	case sys.Uid == uid:
		return mode&0o100 != 0
	case sys.Gid == gid || slices.Contains(groups, sys.Gid):
		return mode&0o010 != 0
	}
	return mode&0o001 != 0
}

// onlyRootCanChange walks the path as the kernel would, link by link, and refuses
// it when anybody but root could put something else in its place. Because every
// step is owned by root and writable by root alone, nobody else can change the answer
// between this check and the start of the program.
func onlyRootCanChange(path string) error {
	if !filepath.IsAbs(path) {
		return fmt.Errorf("%s: %w: not an absolute path", path, ErrUnsafe)
	}
	rest, done, links := split(path), "/", 0
	if err := rootOwned(done); err != nil {
		return err
	}
	for len(rest) > 0 {
		word := rest[0]
		rest = rest[1:]
		if word == ".." {
			done = filepath.Dir(done)
			continue
		}
		next := filepath.Join(done, word)
		if err := rootOwned(next); err != nil {
			return err
		}
		target, err := os.Readlink(next)
		if err != nil { // not a link
			done = next
			continue
		}
		if links++; links > maxLinks {
			return fmt.Errorf("%s: %w", path, syscall.ELOOP)
		}
		if filepath.IsAbs(target) {
			done = "/"
		}
		rest = append(split(target), rest...)
	}
	return nil
}

func split(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"), func(w string) bool { return w == "" || w == "." })
}

// rootOwned accepts what only root may write to. In a directory with the sticky bit
// others can add names but not replace those of root, and each name is checked.
func rootOwned(path string) error {
	var st syscall.Stat_t
	if err := syscall.Lstat(path, &st); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if st.Uid != 0 {
		return fmt.Errorf("%s: %w: it belongs to user %d", path, ErrUnsafe, st.Uid)
	}
	kind := st.Mode & syscall.S_IFMT
	if kind == syscall.S_IFLNK || kind == syscall.S_IFDIR && st.Mode&syscall.S_ISVTX != 0 {
		return nil
	}
	if st.Mode&0o002 != 0 {
		return fmt.Errorf("%s: %w: everybody may write to it", path, ErrUnsafe)
	}
	if st.Mode&0o020 != 0 && st.Gid != 0 {
		return fmt.Errorf("%s: %w: group %d may write to it", path, ErrUnsafe, st.Gid)
	}
	return nil
}
