// SPDX-License-Identifier: Apache-2.0

// Package statefile keeps small state on disk so that a crash leaves either the
// old or the new content, and damage is noticed: JSON with a checksum, replaced
// by an atomic rename. It is for the cloud packages only.
package statefile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrCorrupt means that a file exists but is not what was written.
var ErrCorrupt = errors.New("state file is damaged")

type envelope struct {
	Sum  string          `json:"sha256"`
	Data json.RawMessage `json:"data"`
}

// Write replaces the file with v, mode 0600, creating its directory with 0700.
func Write(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	body, err := json.Marshal(envelope{Sum: hex.EncodeToString(sum[:]), Data: data})
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(body, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Read fills v from the file. A file that does not exist is [fs.ErrNotExist];
// one that is damaged is [ErrCorrupt], and v is then untouched.
func Read(path string, v any) error {
	body, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return fmt.Errorf("%s: %w", path, ErrCorrupt)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, e.Data); err != nil {
		return fmt.Errorf("%s: %w", path, ErrCorrupt)
	}
	sum := sha256.Sum256(compact.Bytes())
	if hex.EncodeToString(sum[:]) != e.Sum {
		return fmt.Errorf("%s: %w", path, ErrCorrupt)
	}
	if err := json.Unmarshal(e.Data, v); err != nil {
		return fmt.Errorf("%s: %w", path, ErrCorrupt)
	}
	return nil
}

// Absent reports whether err means that there is no file yet.
func Absent(err error) bool { return errors.Is(err, fs.ErrNotExist) }
