// SPDX-License-Identifier: Apache-2.0

package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// sysctls are kernel parameters that were changed, with what they were.
type sysctls struct {
	dir   string
	saved map[string]string // by path below dir
}

func (s *sysctls) read(key string) (string, error) {
	b, err := os.ReadFile(filepath.Join(s.dir, key))
	return strings.TrimSpace(string(b)), err
}

// set changes a parameter and keeps what it was, the first time.
func (s *sysctls) set(key, value string) error {
	was, err := s.read(key)
	if err != nil {
		return fmt.Errorf("kernel parameter: %w", err)
	}
	if was == value {
		return nil
	}
	if err := os.WriteFile(filepath.Join(s.dir, key), []byte(value), 0); err != nil {
		return fmt.Errorf("kernel parameter: %w", err)
	}
	if _, again := s.saved[key]; !again {
		s.saved[key] = was
	}
	return nil
}

// restore gives back the parameters keep does not want.
func (s *sysctls) restore(keep func(key string) bool) error {
	var first error
	for key, was := range s.saved {
		if keep(key) {
			continue
		}
		delete(s.saved, key)
		err := os.WriteFile(filepath.Join(s.dir, key), []byte(was), 0)
		if err != nil && !os.IsNotExist(err) && first == nil { // gone with its interface
			first = fmt.Errorf("kernel parameter: %w", err)
		}
	}
	return first
}

func conf4(device, name string) string { return "net/ipv4/conf/" + device + "/" + name }
func conf6(device, name string) string { return "net/ipv6/conf/" + device + "/" + name }

// promoteSecondaries keeps the kernel from removing all addresses of a network
// when the first of them goes.
func (h *Host) promoteSecondaries(r *Router) {
	if !r.PromoteSecondaries {
		return
	}
	for i := range r.Addresses {
		key := conf4(r.device(&r.Addresses[i]), "promote_secondaries")
		if err := h.sysctls.set(key, "1"); err != nil {
			h.log.Warn("secondary addresses may go with their primary one", "err", err)
		}
	}
}

// settleSysctls gives back the parameters no router needs any more.
func (h *Host) settleSysctls() {
	needed := map[string]bool{}
	for _, r := range h.routers {
		if r.VMAC != nil {
			for _, p := range baseParameters(r.ID.Interface) {
				needed[p.key] = true
			}
		}
		for i := range r.Addresses {
			if r.PromoteSecondaries {
				needed[conf4(r.device(&r.Addresses[i]), "promote_secondaries")] = true
			}
		}
	}
	if err := h.sysctls.restore(func(key string) bool { return needed[key] }); err != nil {
		h.log.Warn("cannot restore a kernel parameter", "err", err)
	}
}
