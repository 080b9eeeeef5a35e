// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

func main() {
	seeds := flag.Int("seeds", 2000, "seeds to try for each bug")
	only := flag.String("only", "", "plant this bug alone")
	flag.Parse()
	missed, err := run(*seeds, *only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "planted:", err)
		os.Exit(1)
	}
	if missed > 0 {
		os.Exit(1)
	}
}

func run(seeds int, only string) (missed int, err error) {
	dir, err := os.MkdirTemp("", "planted")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	for _, b := range bugs {
		if only != "" && only != b.name {
			continue
		}
		found, err := b.hunt(dir, seeds)
		if err != nil {
			found = "NOT PLANTED: " + err.Error()
		}
		if err != nil || !strings.HasPrefix(found, "seed") {
			missed++
		}
		fmt.Printf("%-32s %s\n", b.name, found)
	}
	return missed, nil
}

// plant writes the changed copy and the overlay that puts it in place.
func (b bug) plant(dir string) (overlay string, err error) {
	path, err := filepath.Abs(b.file)
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(text), b.old); n != 1 {
		return "", fmt.Errorf("%s has the text to change %d times", b.file, n)
	}
	copied := filepath.Join(dir, b.name+".go")
	changed := strings.Replace(string(text), b.old, b.new, 1)
	if err := os.WriteFile(copied, []byte(changed), 0o600); err != nil {
		return "", err
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {path: copied}})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, b.name+".json")
	return overlay, os.WriteFile(overlay, replace, 0o600)
}

var firstSeed = regexp.MustCompile(`seed (\d+): (.*)`)

// hunt runs seeds over the planted bug until one breaks a rule.
func (b bug) hunt(dir string, seeds int) (string, error) {
	overlay, err := b.plant(dir)
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, b.name+".test")
	build := exec.Command("go", "test", "-c", "-overlay", overlay, "-o", binary, "./internal/sim")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	defer os.Remove(binary)
	test := exec.Command(binary, "-test.run", "^TestSeeds$", "-test.timeout", "30m")
	test.Env = append(os.Environ(), fmt.Sprintf("VRRPD_SEEDS=%d", seeds), "VRRPD_FIRST=1")
	began := time.Now()
	out, err := test.CombinedOutput()
	took := time.Since(began).Round(10 * time.Millisecond)
	if err == nil {
		return fmt.Sprintf("NOT FOUND in %d seeds, %v", seeds, took), nil
	}
	m := firstSeed.FindSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("the test failed otherwise: %s", out)
	}
	return fmt.Sprintf("seed %s, %v: %s", m[1], took, m[2]), nil
}
