// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Trusted tells whether only root can change what an absolute path leads to:
// the file and every directory above it, along the path as written and behind
// its symbolic links, belong to root and can be written by nobody else. It is
// the rule of enable_script_security.
func Trusted(path string) error {
	if !filepath.IsAbs(path) {
		return fmt.Errorf("%s: not an absolute path", path)
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	for _, p := range []string{filepath.Clean(path), real} {
		if err := trustedParts(p); err != nil {
			return err
		}
	}
	return nil
}

func trustedParts(path string) error {
	for part := path; ; part = filepath.Dir(part) {
		st, err := os.Lstat(part)
		if err != nil {
			return err
		}
		owner, ok := st.Sys().(*syscall.Stat_t)
		if !ok {
			return fmt.Errorf("%s: no owner known", part)
		}
		// The mode of a symbolic link means nothing; its directory and its
		// target, both looked at too, decide.
		writable := st.Mode()&fs.ModeSymlink == 0 && (st.Mode()&0o002 != 0 || st.Mode()&0o020 != 0 && owner.Gid != 0)
		if owner.Uid != 0 || writable {
			return fmt.Errorf("%s: %w: %w", path, culprit(path, part), ErrUntrusted)
		}
		if part == filepath.Dir(part) {
			return nil
		}
	}
}

func culprit(path, part string) error {
	if strings.TrimSuffix(part, "/") == strings.TrimSuffix(path, "/") {
		return errors.New("the file")
	}
	return fmt.Errorf("the directory %s", part)
}
